-- Version 4: was a code of this wormhole ever read, or has anybody ever joined it? The code that it
-- has now may be another one, which nobody has seen; what is in it is meant for somebody all the same.

ALTER TABLE wormhole ADD COLUMN was_told INTEGER NOT NULL DEFAULT 0;
UPDATE wormhole SET was_told = 1 WHERE EXISTS (SELECT 1 FROM log
    WHERE log.wormhole = wormhole.id AND log.type IN ('code_read', 'joining', 'paired'));

-- How many items a listed parcel has: files, directories, links. 0: not listed, or by a version that
-- did not note it.
ALTER TABLE revision ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
