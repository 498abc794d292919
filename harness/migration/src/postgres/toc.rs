//! The table of contents of a dump, as `pg_restore --list` prints it.

/// Number of entries: lines that are not comments.
pub(super) fn entries(list: &str) -> usize {
    list.lines().filter(|l| !l.trim_start().starts_with(';') && !l.trim().is_empty()).count()
}

/// Number of tables whose rows are in it.
pub(super) fn tables(list: &str) -> usize {
    list.lines().filter(|line| kind(line).is_some_and(|k| k.starts_with("TABLE DATA "))).count()
}

/// The lines of access rights: `ACL` and `DEFAULT ACL`, in their order.
pub(super) fn access_entries(list: &str) -> Vec<&str> {
    list.lines()
        .filter(|line| kind(line).is_some_and(|k| k.starts_with("ACL ") || k.starts_with("DEFAULT ACL ")))
        .collect()
}

/// What follows the three numbers of an entry: `4021; 0 0 ACL public TABLE realm keycloak`.
fn kind(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once("; ")?;
    number.parse::<u32>().ok()?;
    let (_table, rest) = rest.split_once(' ')?;
    let (_object, rest) = rest.split_once(' ')?;
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
;
; Archive created at 2026-11-21 01:00:00 UTC
;     TOC Entries: 7
;
2; 3079 16390 EXTENSION - citext 
3459; 0 0 COMMENT - EXTENSION citext 
215; 1259 16500 TABLE public ACL postgres
3458; 0 16500 TABLE DATA public ACL postgres
3460; 0 0 ACL - SCHEMA public pg_database_owner
3461; 0 0 ACL public COLUMN users.id identity
2100; 826 16600 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES identity
";

    #[test]
    fn only_rights_are_kept_and_a_table_called_acl_is_none() {
        let kept = access_entries(LIST);
        assert_eq!(kept.len(), 3);
        assert!(kept[0].contains("SCHEMA public") && kept[2].contains("FOR TABLES"));
        assert_eq!((entries(LIST), tables(LIST)), (7, 1));
    }
}
