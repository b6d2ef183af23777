-- Notes what is new about parked events with a unit of work that was written, of those that are parked still.
--
-- Takes, and gives, what the function that wrote the unit has answered.
CREATE FUNCTION {schema}.twofold_repark(written bigint[], reparks jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF written[1] < 0 THEN
        RETURN written;
    END IF;
    UPDATE {schema}.twofold_parked AS p
    SET time = x.time, cause = x.cause, trace = x.trace, attempts = x.attempts, due = x.due
    FROM jsonb_to_recordset(reparks) AS x (
        subscription text, position bigint, time timestamptz, cause text, trace text, attempts integer, due boolean
    )
    WHERE p.subscription = x.subscription AND p.position = x.position;
    RETURN written;
END
$$;
