-- The audit trail: an entry for every command, and blocks that seal entries. Nothing in it is changed or taken away.
-- Advisory locks: {audit} is a range of 48 bits, which belongs to this log alone.

CREATE TABLE {schema}.twofold_audit (
    number bigint PRIMARY KEY, -- no default: twofold_audit_add is the only source of numbers
    version integer NOT NULL,
    time timestamptz NOT NULL,
    duration bigint NOT NULL, -- microseconds
    position bigint NOT NULL,
    message_id uuid NOT NULL,
    message text COLLATE "C" NOT NULL,
    correlation_id text COLLATE "C" NOT NULL,
    causation_id text COLLATE "C",
    user_id text COLLATE "C",
    tenant text COLLATE "C",
    outcome text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    payload text NOT NULL -- JSON, without secrets; as text, for its bytes are sealed
);

CREATE SEQUENCE {schema}.twofold_audit_numbers AS bigint CACHE 1 NO CYCLE MAXVALUE 281474976710655
    OWNED BY {schema}.twofold_audit.number;

CREATE TABLE {schema}.twofold_audit_blocks (
    number bigint PRIMARY KEY,
    first bigint NOT NULL,
    last bigint NOT NULL,
    time timestamptz NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    digests bytea NOT NULL
);

CREATE FUNCTION {schema}.twofold_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.twofold_audit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_change();

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.twofold_audit_blocks
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_audit_change();

-- Adds entries: lists of them, each with the position that its batch has appended up to. Called last, behind the draw of
-- positions.
--
-- Numbers have a floor as positions have: a lock with the head as its key, held until the transaction ends, says "I may use
-- numbers above this one". See twofold_draw, and twofold_audit_bound for who looks.
CREATE FUNCTION {schema}.twofold_audit_add(entries jsonb[], reached bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
    INSERT INTO {schema}.twofold_audit (
        number, message, version, message_id, correlation_id, causation_id, user_id, tenant, payload, time, duration,
        outcome, code, position
    )
    SELECT nextval({audit_numbers}), x.message, x.version, x.message_id, x.correlation_id, x.causation_id, x.user_id,
        x.tenant, x.payload, x.time, x.duration, x.outcome, x.code, batch.reached
    FROM unnest(entries, reached) AS batch (entries, reached), jsonb_to_recordset(batch.entries) AS x (
        message text, version integer, message_id uuid, correlation_id text, causation_id text, user_id text, tenant text,
        payload text, time timestamptz, duration bigint, outcome text, code text
    );
END
$$;

-- Up to where the trail is final. Rows must be read in a statement of their own afterwards, with a new snapshot.
CREATE FUNCTION {schema}.twofold_audit_bound() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
    lowest bigint;
BEGIN
    head := coalesce(pg_sequence_last_value({audit_numbers}), 0);
    SELECT min((classid::bigint << 32 | objid::bigint) - {audit}) INTO lowest FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = {audit} >> 48
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());
    RETURN least(head, lowest);
END
$$;

-- The three ways to write a log, with entries beside; null for none.
CREATE FUNCTION {schema}.twofold_commit_audited(
    streams text[], expected bigint[], counts integer[],
    ids uuid[], types text[], schema_versions integer[], data bytea[], headers text[], times timestamptz[], tags text[],
    tag_names text[], tag_events integer[],
    others jsonb, entries jsonb
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    answer bigint[];
BEGIN
    answer := {schema}.twofold_commit(
        streams, expected, counts, ids, types, schema_versions, data, headers, times, tags, tag_names, tag_events, others
    );
    IF answer[1] >= 0 AND entries IS NOT NULL THEN
        PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[answer[1]]);
    END IF;
    RETURN answer;
END
$$;

CREATE FUNCTION {schema}.twofold_append_audited(
    stream text, expected bigint,
    id uuid, type text, schema_version integer, data bytea, headers text, happened timestamptz, tags text,
    tag_names text[], entries jsonb
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    answer bigint[];
BEGIN
    answer := {schema}.twofold_append(
        stream, expected, id, type, schema_version, data, headers, happened, tags, tag_names
    );
    IF answer[1] > 0 AND entries IS NOT NULL THEN
        PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[answer[1]]);
    END IF;
    RETURN answer;
END
$$;

CREATE FUNCTION {schema}.twofold_append_each_audited(
    streams text[], expected bigint[],
    ids uuid[], types text[], schema_versions integer[], data bytea[], headers text[], times timestamptz[], tags text[],
    tag_names text[], tag_events integer[], entries jsonb[]
) RETURNS bigint[] LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
    answer bigint[];
    positions bigint[] := array_fill(0::bigint, ARRAY[cardinality(streams)]);
    reached bigint;
    nth integer;
BEGIN
    answer := {schema}.twofold_append_each(
        streams, expected, ids, types, schema_versions, data, headers, times, tags, tag_names, tag_events
    );
    reached := answer[1];
    FOR nth IN 1 .. cardinality(streams) LOOP
        IF answer[nth + 1] > 0 THEN
            positions[nth] := reached;
            reached := reached + 1;
        ELSE
            entries[nth] := NULL;
        END IF;
    END LOOP;
    IF cardinality(array_remove(entries, NULL)) > 0 THEN
        PERFORM {schema}.twofold_audit_add(entries, positions);
    END IF;
    RETURN answer;
END
$$;
