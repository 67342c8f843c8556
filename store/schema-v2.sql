-- Version 2: what all arrivals of a wormhole come to, kept as they change, so that a promise of room
-- and a bound on their number cost the same however many there are.

CREATE TABLE arrival_sum (
    wormhole INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    rest     INTEGER NOT NULL CHECK (typeof(rest) = 'integer'), -- bytes still to come
    PRIMARY KEY (wormhole, state)
) WITHOUT ROWID;
INSERT INTO arrival_sum (wormhole, state, count, rest)
    SELECT wormhole, state, count(*), sum(max(size - durable, 0)) FROM arrival
    GROUP BY wormhole, state;

CREATE TRIGGER arrival_begins AFTER INSERT ON arrival BEGIN
    INSERT INTO arrival_sum (wormhole, state, count, rest)
        VALUES (new.wormhole, new.state, 1, max(new.size - new.durable, 0))
        ON CONFLICT (wormhole, state) DO UPDATE SET
        count = count + 1, rest = rest + excluded.rest;
END;
CREATE TRIGGER arrival_ends AFTER DELETE ON arrival BEGIN
    UPDATE arrival_sum SET count = count - 1, rest = rest - max(old.size - old.durable, 0)
        WHERE wormhole = old.wormhole AND state = old.state;
    DELETE FROM arrival_sum
        WHERE wormhole = old.wormhole AND state = old.state AND count = 0;
END;
CREATE TRIGGER arrival_goes_on AFTER UPDATE ON arrival BEGIN
    UPDATE arrival_sum SET count = count - 1, rest = rest - max(old.size - old.durable, 0)
        WHERE wormhole = old.wormhole AND state = old.state;
    INSERT INTO arrival_sum (wormhole, state, count, rest)
        VALUES (new.wormhole, new.state, 1, max(new.size - new.durable, 0))
        ON CONFLICT (wormhole, state) DO UPDATE SET
        count = count + 1, rest = rest + excluded.rest;
    DELETE FROM arrival_sum
        WHERE wormhole = old.wormhole AND state = old.state AND count = 0;
END;

CREATE INDEX arrival_by_wormhole ON arrival (wormhole, seq);
