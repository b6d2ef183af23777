-- What keyed commands have answered.
CREATE TABLE {schema}.twofold_replies (
    key bytea PRIMARY KEY,
    message text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    value bytea NOT NULL,
    time timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    position bigint NOT NULL
);

CREATE INDEX twofold_replies_by_expiry ON {schema}.twofold_replies (expires);

-- The reply to a key that has not expired, if there is one. If not, the key is the transaction's own until it ends.
--
-- Whoever has the key is waited for, some milliseconds at most: then, at once for 0, it is an error of an unavailable lock.
CREATE FUNCTION {schema}.twofold_claim(claimed bytea, now timestamptz, patience integer)
RETURNS SETOF {schema}.twofold_replies LANGUAGE plpgsql AS $$
DECLARE
    lock bigint := {schema}.twofold_key('reply ' || encode(claimed, 'hex'));
    usual text := current_setting('lock_timeout');
BEGIN
    IF NOT pg_try_advisory_xact_lock(lock) THEN
        IF patience <= 0 THEN
            RAISE EXCEPTION 'the key is claimed' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM set_config('lock_timeout', patience::text, true);
        PERFORM pg_advisory_xact_lock(lock);
        PERFORM set_config('lock_timeout', usual, true);
    END IF;
    RETURN QUERY SELECT r.* FROM {schema}.twofold_replies AS r WHERE r.key = claimed AND r.expires > now;
    IF NOT FOUND THEN
        DELETE FROM {schema}.twofold_replies AS r WHERE r.key = claimed;
    END IF;
END
$$;

-- Keeps the reply of a unit of work that was written, and forgets a few others that have expired; no lock is waited for.
--
-- Takes, and gives, what the function that wrote the unit has answered.
CREATE FUNCTION {schema}.twofold_reply(
    written bigint[], claimed bytea, named text, print bytea, answer bytea, said timestamptz, until timestamptz
) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF written[1] < 0 THEN
        RETURN written;
    END IF;
    DELETE FROM {schema}.twofold_replies AS r WHERE r.key IN (
        SELECT e.key FROM {schema}.twofold_replies AS e WHERE e.expires <= said
        ORDER BY e.expires LIMIT 2 FOR UPDATE SKIP LOCKED
    );
    INSERT INTO {schema}.twofold_replies (key, message, fingerprint, value, time, expires, position)
    VALUES (claimed, named, print, answer, said, until, written[1]);
    RETURN written;
END
$$;
