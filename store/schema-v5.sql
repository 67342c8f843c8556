-- Version 5: what the inboxes hold and what is promised to arrivals, kept as it changes, so that asking
-- for room costs the same however much there is. An arrival counts whole, and with what its nodes take
-- beside its bytes, until it is published: then it counts as inbox_entry.size.

ALTER TABLE arrival ADD COLUMN overhead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE arrival_sum ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0 CHECK (typeof(bytes) = 'integer');
UPDATE arrival_sum SET bytes = (SELECT sum(size) FROM arrival
    WHERE arrival.wormhole = arrival_sum.wormhole AND arrival.state = arrival_sum.state);

DROP TRIGGER arrival_begins;
DROP TRIGGER arrival_ends;
DROP TRIGGER arrival_goes_on;
CREATE TRIGGER arrival_begins AFTER INSERT ON arrival BEGIN
    INSERT INTO arrival_sum (wormhole, state, count, rest, bytes)
        VALUES (new.wormhole, new.state, 1, max(new.size - new.durable, 0), new.size + new.overhead)
        ON CONFLICT (wormhole, state) DO UPDATE SET
        count = count + 1, rest = rest + excluded.rest, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER arrival_ends AFTER DELETE ON arrival BEGIN
    UPDATE arrival_sum SET count = count - 1, rest = rest - max(old.size - old.durable, 0),
        bytes = bytes - (old.size + old.overhead)
        WHERE wormhole = old.wormhole AND state = old.state;
    DELETE FROM arrival_sum
        WHERE wormhole = old.wormhole AND state = old.state AND count = 0;
END;
CREATE TRIGGER arrival_goes_on AFTER UPDATE ON arrival BEGIN
    UPDATE arrival_sum SET count = count - 1, rest = rest - max(old.size - old.durable, 0),
        bytes = bytes - (old.size + old.overhead)
        WHERE wormhole = old.wormhole AND state = old.state;
    INSERT INTO arrival_sum (wormhole, state, count, rest, bytes)
        VALUES (new.wormhole, new.state, 1, max(new.size - new.durable, 0), new.size + new.overhead)
        ON CONFLICT (wormhole, state) DO UPDATE SET
        count = count + 1, rest = rest + excluded.rest, bytes = bytes + excluded.bytes;
    DELETE FROM arrival_sum
        WHERE wormhole = old.wormhole AND state = old.state AND count = 0;
END;

CREATE TABLE inbox_sum (
    wormhole INTEGER PRIMARY KEY,
    count    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL CHECK (typeof(bytes) = 'integer')
);
INSERT INTO inbox_sum (wormhole, count, bytes)
    SELECT wormhole, count(*), sum(size) FROM inbox_entry GROUP BY wormhole;

-- The size of an entry does not change.
CREATE TRIGGER inbox_entry_comes AFTER INSERT ON inbox_entry BEGIN
    INSERT INTO inbox_sum (wormhole, count, bytes) VALUES (new.wormhole, 1, new.size)
        ON CONFLICT (wormhole) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER inbox_entry_goes AFTER DELETE ON inbox_entry BEGIN
    UPDATE inbox_sum SET count = count - 1, bytes = bytes - old.size WHERE wormhole = old.wormhole;
    DELETE FROM inbox_sum WHERE wormhole = old.wormhole AND count = 0;
END;
