//! Rows, sequences, large objects.

use super::{COUNTS, Corruption, LOBS, ROWS, SEQUENCES};

pub(super) const CORRUPTIONS: &[Corruption] = &[
    (
        "row gone",
        "DELETE FROM orders WHERE user_id = 7; DELETE FROM users WHERE id = 7",
        &[
            (ROWS, "missing", "src.public.users"),
            (COUNTS, "missing", "src.public.users"),
            (ROWS, "missing", "src.public.orders"),
            (COUNTS, "missing", "src.public.orders"),
        ],
    ),
    (
        "one character",
        "UPDATE users SET email = 'u8@y' WHERE id = 8",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "null to empty",
        "ALTER TABLE users DISABLE TRIGGER USER; UPDATE users SET note = '' WHERE id = 4;
        ALTER TABLE users ENABLE TRIGGER USER",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "float's last bit",
        "UPDATE users SET score = score + 1e-13 WHERE id = 2",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "jsonb number above 2^53",
        "UPDATE users SET doc = jsonb_set(doc, '{big}', '9007199254740992') WHERE id = 1",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "extra row",
        "INSERT INTO audit.log VALUES (2, 'made up')",
        &[(ROWS, "extra", "src.audit.log"), (COUNTS, "extra", "src.audit.log")],
    ),
    (
        "two rows swapped",
        "UPDATE orders SET n = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)",
        &[(ROWS, "changed", "src.public.orders")],
    ),
    (
        "duplicate gone",
        "DROP RULE quiet ON keyless; DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless
        WHERE a = 1); CREATE RULE quiet AS ON DELETE TO keyless DO INSTEAD NOTHING",
        &[(ROWS, "missing", "src.public.keyless"), (COUNTS, "missing", "src.public.keyless")],
    ),
    (
        "duplicate for another",
        "UPDATE keyless SET b = 'x', a = 1 WHERE a = 2 AND b = ''",
        &[(ROWS, "missing", "src.public.keyless"), (ROWS, "extra", "src.public.keyless")],
    ),
    (
        "row in another partition",
        "UPDATE events SET day = '2025-03-01' WHERE id = 300",
        &[
            (ROWS, "missing", "src.public.events_2026"),
            (COUNTS, "missing", "src.public.events_2026"),
            (ROWS, "extra", "src.public.events_2025"),
            (COUNTS, "extra", "src.public.events_2025"),
        ],
    ),
    (
        "child row moved to parent",
        "DELETE FROM child; INSERT INTO parent VALUES (2)",
        &[
            (ROWS, "missing", "src.public.child"),
            (COUNTS, "missing", "src.public.child"),
            (ROWS, "extra", "src.public.parent"),
            (COUNTS, "extra", "src.public.parent"),
        ],
    ),
    (
        "awkward name",
        "UPDATE \"Mixed.Case/Ünï\" SET \"va\"\"lue\" = 'zwei' WHERE \"Key Col\" = 2",
        &[(ROWS, "changed", "src.public.\"Mixed.Case/Ünï\"")],
    ),
    (
        "unlogged table emptied",
        "TRUNCATE cache",
        &[(ROWS, "missing", "src.public.cache"), (COUNTS, "missing", "src.public.cache")],
    ),
    (
        "table without columns emptied",
        "TRUNCATE nothing",
        &[(ROWS, "missing", "src.public.nothing"), (COUNTS, "missing", "src.public.nothing")],
    ),
    (
        "stale materialised view",
        "DELETE FROM orders WHERE id = 5; REFRESH MATERIALIZED VIEW totals;
        INSERT INTO orders VALUES (5, 5, 5)",
        &[(ROWS, "missing", "src.public.totals"), (COUNTS, "missing", "src.public.totals")],
    ),
    (
        "sequence reset",
        "SELECT setval('free_seq', 10, true)",
        &[(SEQUENCES, "changed", "src.public.free_seq")],
    ),
    ("is_called", "SELECT setval('untouched', 1, true)", &[(SEQUENCES, "changed", "src.public.untouched")]),
    (
        "identity behind",
        "SELECT setval('users_id_seq', 1, false)",
        &[
            (SEQUENCES, "changed", "src.public.users_id_seq"),
            (SEQUENCES, "unusable", "src.public.users_id_seq"),
        ],
    ),
    ("increment", "ALTER SEQUENCE free_seq INCREMENT 1", &[(SEQUENCES, "changed", "src.public.free_seq")]),
    (
        "sequence ownership",
        "ALTER SEQUENCE orders_id_seq OWNED BY NONE",
        &[(SEQUENCES, "changed", "src.public.orders_id_seq")],
    ),
    ("sequence missing", "DROP SEQUENCE untouched", &[(SEQUENCES, "missing", "src.public.untouched")]),
    ("large object's byte", "SELECT lo_put(70002, 4999, 'z')", &[(LOBS, "changed", "src/large-objects")]),
    ("large object missing", "SELECT lo_unlink(70001)", &[(LOBS, "missing", "src/large-objects")]),
    (
        "large object's owner",
        "ALTER LARGE OBJECT 70001 OWNER TO postgres",
        &[(LOBS, "changed", "src/large-objects")],
    ),
    (
        "secret changed",
        "UPDATE users SET password_hash = 'stolen' WHERE id = 3;
        UPDATE component_config SET value = 'MIIE-very-secret-2' WHERE id = 1",
        &[(ROWS, "changed", "src.public.users"), (ROWS, "changed", "src.public.component_config")],
    ),
];
