-- Whole blocks may be taken out of the audit trail, from its beginning and by one way only: a cut that names a block of the
-- chain lets go of everything up to that block. Entries may tell of several commands, and blocks are sealed under a key.

ALTER TABLE {schema}.twofold_audit ADD COLUMN count bigint NOT NULL DEFAULT 1;
ALTER TABLE {schema}.twofold_audit_blocks ADD COLUMN key text COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE {schema}.twofold_audit_cuts (
    number bigint PRIMARY KEY,
    block bigint NOT NULL, -- the last one that was taken away
    entry bigint NOT NULL, -- and its last entry
    previous bytea NOT NULL, -- and its hash
    before timestamptz NOT NULL,
    rule text NOT NULL,
    time timestamptz NOT NULL,
    key text COLLATE "C" NOT NULL,
    hash bytea NOT NULL
);

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.twofold_audit_cuts
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_change();

-- Whether a cut would follow the last one, and be behind a block that is not the last: that one the next block follows.
CREATE FUNCTION {schema}.twofold_may_cut(cut {schema}.twofold_audit_cuts) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT cut.number = (SELECT coalesce(max(c.number), 0) + 1 FROM {schema}.twofold_audit_cuts AS c) AND EXISTS (
        SELECT FROM {schema}.twofold_audit_blocks AS b
        WHERE b.number = cut.block AND b.last = cut.entry AND b.hash = cut.previous AND b.time < cut.before
        AND b.number < (SELECT max(h.number) FROM {schema}.twofold_audit_blocks AS h)
    )
$$;

CREATE FUNCTION {schema}.twofold_refuse_audit_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT {schema}.twofold_may_cut(NEW) THEN
        RAISE EXCEPTION 'the audit trail is append-only, and this is no cut of it'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER twofold_cut_only BEFORE INSERT ON {schema}.twofold_audit_cuts
    FOR EACH ROW EXECUTE FUNCTION {schema}.twofold_refuse_audit_cut();

-- Looks at what a statement has deleted, all at once; the argument of the trigger says what of a cut is its limit.
CREATE FUNCTION {schema}.twofold_refuse_audit_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed bigint;
BEGIN
    SELECT CASE TG_ARGV[0] WHEN 'entry' THEN c.entry ELSE c.block END INTO allowed
    FROM {schema}.twofold_audit_cuts AS c ORDER BY c.number DESC LIMIT 1;
    IF EXISTS (SELECT FROM gone WHERE gone.number > coalesce(allowed, 0)) THEN
        RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER twofold_append_only ON {schema}.twofold_audit;
DROP TRIGGER twofold_append_only ON {schema}.twofold_audit_blocks;

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR TRUNCATE ON {schema}.twofold_audit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_change();

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR TRUNCATE ON {schema}.twofold_audit_blocks
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_change();

CREATE TRIGGER twofold_cut_only AFTER DELETE ON {schema}.twofold_audit REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_delete('entry');

CREATE TRIGGER twofold_cut_only AFTER DELETE ON {schema}.twofold_audit_blocks REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_delete('block');

-- As before, with how many commands an entry tells of; and value by value, since a set of records costs more than twice as
-- much for the one entry that most calls have.
CREATE OR REPLACE FUNCTION {schema}.twofold_audit_add(entries jsonb[], reached bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    nth integer;
    x jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
    FOR nth IN 1 .. cardinality(entries) LOOP
        FOR x IN SELECT jsonb_array_elements(entries[nth]) LOOP
            INSERT INTO {schema}.twofold_audit (
                number, message, version, message_id, correlation_id, causation_id, user_id, tenant, payload, time, duration,
                outcome, code, position, count
            ) VALUES (
                nextval({audit_numbers}), x->>'message', (x->>'version')::integer, (x->>'message_id')::uuid,
                x->>'correlation_id', x->>'causation_id', x->>'user_id', x->>'tenant', x->>'payload',
                (x->>'time')::timestamptz, (x->>'duration')::bigint, x->>'outcome', x->>'code', reached[nth],
                coalesce((x->>'count')::bigint, 1)
            );
        END LOOP;
    END LOOP;
END
$$;

-- Takes away what a cut names, and adds the entry that tells of it; false when it does not follow the last cut, or names no
-- block. Who cuts at the same time waits for the other one.
CREATE FUNCTION {schema}.twofold_audit_cut(
    number bigint, block bigint, entry bigint, previous bytea, before timestamptz, rule text, made timestamptz, key text,
    hash bytea, entries jsonb
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    cut {schema}.twofold_audit_cuts := ROW(number, block, entry, previous, before, rule, made, key, hash);
BEGIN
    PERFORM pg_advisory_xact_lock({schema}.twofold_key('audit cut'));
    IF NOT {schema}.twofold_may_cut(cut) THEN
        RETURN false;
    END IF;
    INSERT INTO {schema}.twofold_audit_cuts SELECT cut.*;
    DELETE FROM {schema}.twofold_audit AS a WHERE a.number <= cut.entry;
    DELETE FROM {schema}.twofold_audit_blocks AS b WHERE b.number <= cut.block;
    PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[0::bigint]);
    RETURN true;
END
$$;
