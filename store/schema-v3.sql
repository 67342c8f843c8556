-- Version 3: why an entry is held, as a number beside the sentence, so that the sentence may be
-- reworded. What a number means is known to who holds the entry (fs/seal/seal_rule.h); 0: to nobody.

ALTER TABLE entry ADD COLUMN held_code INTEGER NOT NULL DEFAULT 0;

-- What the sentences of the versions before meant: for the rows that are there, and for their
-- events whenever the projections are made anew.
CREATE TABLE old_hold (
    reason TEXT PRIMARY KEY,
    code   INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO old_hold (reason, code) VALUES
    ('its name begins with a dot; rename it to send it', 1),
    ('its name ends in ~, like a backup copy; rename it to send it', 2),
    ('a download that is not finished (.crdownload); rename it to send it', 3),
    ('perhaps not finished (.part, younger than a day); rename it to send it now', 4),
    ('interrupted: a program was killed while writing it; touch it to send it as it is, or replace it', 5),
    ('interrupted: it was being written when the mount died; touch it to send it as it is, or replace it', 6),
    ('the disk has lost bytes of it; remove it and copy it again', 7);
UPDATE entry SET held_code = ifnull((SELECT code FROM old_hold WHERE reason = held), 0);
