//! Comparing bytes first and meaning only where bytes differ says exactly what comparing meaning throughout says.

use drydock_parity::{BucketTable, Detail, DigestKey, Fingerprint, Hasher, Header, Located, Locator, Side};
use proptest::prelude::*;

/// Id, routing, version, source.
type Document = (String, Option<String>, i64, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Canonical,
}

fn fingerprint(hasher: &mut Hasher, form: Form, (id, routing, version, source): &Document) -> Fingerprint {
    let header = Header { id, routing: routing.as_deref(), version: Some(*version) };
    match form {
        Form::Raw => hasher.raw(&header, source),
        Form::Canonical => hasher.canonical(&header, source).unwrap(),
    }
}

fn compare(form: Form, source: &[Document], target: &[Document], buckets: usize) -> Located {
    let mut hasher = Hasher::new(DigestKey::default());
    let mut table = |documents: &[Document]| {
        let mut table = BucketTable::new(buckets);
        documents.iter().for_each(|d| table.insert(fingerprint(&mut hasher, form, d)));
        table
    };
    let tables = [table(source), table(target)];
    let ids = Hasher::new(DigestKey::default());
    let selection = BucketTable::differing(&tables[0], &tables[1], usize::MAX);
    let mut locator = Locator::new(selection.clone()).with_versions();
    for (which, (side, documents)) in [(Side::Source, source), (Side::Target, target)].into_iter().enumerate()
    {
        let mut again = BucketTable::new(buckets);
        for document in documents.iter().filter(|d| selection.contains(ids.identity(&d.0))) {
            let (id, routing, version, text) = document;
            again.insert(fingerprint(&mut hasher, form, document));
            let item = fingerprint(&mut hasher, Form::Canonical, document);
            let traits = hasher.document_traits(routing.as_deref(), text).unwrap();
            locator.insert_version(side, item, traits, Some(*version), || Detail {
                label: id.clone(),
                text: text.clone(),
            });
        }
        assert!(tables[which].agrees(&again, &selection));
        if let Some(one) = documents.iter().find(|d| selection.contains(ids.identity(&d.0))) {
            again.remove(fingerprint(&mut hasher, form, one));
            assert!(
                !tables[which].agrees(&again, &selection),
                "a document that did not come again is noticed"
            );
        }
    }
    locator.finish()
}

fn counts(found: &Located) -> [u64; 9] {
    let Located { missing, extra, changed, rerouted, stale, newer, .. } = found;
    [
        missing.count,
        extra.count,
        changed.count,
        rerouted.count,
        stale.count,
        newer.count,
        found.rerouted_and_changed,
        found.stale_and_changed,
        found.newer_and_changed,
    ]
}

fn document() -> impl Strategy<Value = Document> {
    let value = prop_oneof![
        Just("9007199254740993".to_owned()),
        Just("9007199254740994".to_owned()),
        Just("1".to_owned()),
        Just("1.0".to_owned()),
        Just("1.10".to_owned()),
        Just("null".to_owned()),
        Just("[{\"y\": 1, \"x\": \"é\"}, \"\"]".to_owned()),
    ];
    let routing = prop::option::of((0_u8..2).prop_map(|r| r.to_string()));
    (0_u8..12, routing, 1_i64..3, value).prop_map(|(id, routing, version, value)| {
        (format!("id-{id}"), routing, version, format!("{{\"a\":{value},\"b\":{id}}}"))
    })
}

/// The same meaning in other bytes.
fn rewritten(source: &str) -> String {
    source.replace("1.10", "1.1e0").replace('é', "\\u00e9").replace(", ", ",").replace(':', " : ")
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_agree(
        source in prop::collection::vec(document(), 1..40), changes in changes(), buckets in 1_usize..200,
        turn in any::<prop::sample::Index>(), rewrite in any::<bool>(),
    ) {
        let mut target = source.clone();
        for (at, change) in changes {
            let (i, j) = (at.index(target.len()), at.index(source.len()));
            match change {
                0 => { target.remove(i); if target.is_empty() { target.push(source[0].clone()); } }
                1 => target.push(source[j].clone()),
                2 => target[i].1 = Some("elsewhere".to_owned()),
                3 => target[i].2 += 1,
                4 => target[i].2 -= 1,
                5 => { let kept = target[i].3.clone(); let last = target.len() - 1; target[i].3 = std::mem::replace(&mut target[last].3, kept); }
                6 => target[i].3 = "{}".to_owned(),
                _ => target[i].3 = rewritten(&target[i].3),
            }
        }
        if rewrite {
            target.iter_mut().for_each(|d| d.3 = rewritten(&d.3));
        }
        let by = turn.index(target.len());
        target.rotate_left(by);
        let raw = compare(Form::Raw, &source, &target, buckets);
        let canonical = compare(Form::Canonical, &source, &target, buckets);
        prop_assert_eq!(counts(&raw), counts(&canonical));
    }

    #[test]
    fn other_bytes_alone_are_no_difference(source in prop::collection::vec(document(), 1..40), buckets in 1_usize..200) {
        let mut target = source.clone();
        target.iter_mut().for_each(|d| d.3 = rewritten(&d.3));
        target.reverse();
        prop_assert_eq!(counts(&compare(Form::Raw, &source, &target, buckets)), [0; 9]);
    }

    #[test]
    fn headers_never_run_into_contents(id in "\\PC{0,4}", routing in prop::option::of("\\PC{0,4}"), version in prop::option::of(any::<i64>())) {
        let mut hasher = Hasher::new(DigestKey::default());
        let header = Header { id: &id, routing: routing.as_deref(), version };
        let others = [
            Header { routing: Some(""), ..header },
            Header { routing: None, ..header },
            Header { version: None, ..header },
            Header { version: Some(0), ..header },
        ];
        for other in others.iter().filter(|o| **o != header) {
            prop_assert_ne!(hasher.raw(&header, "{}"), hasher.raw(other, "{}"));
            prop_assert_ne!(hasher.canonical(&header, "{}").unwrap(), hasher.canonical(other, "{}").unwrap());
        }
    }
}

#[test]
fn big_integers_swapped_are_found_both_ways() {
    let document = |id: &str, key: u64| (id.to_owned(), None, 1, format!("{{\"key\":{key}}}"));
    let (x, y) = (9_007_199_254_740_993, 9_007_199_254_740_994);
    for form in [Form::Raw, Form::Canonical] {
        let found =
            compare(form, &[document("1", x), document("2", y)], &[document("1", y), document("2", x)], 64);
        assert_eq!(counts(&found)[2], 2, "{form:?}");
    }
}

#[test]
fn a_kept_digest_does_not_depend_on_the_bytes_and_never_changes() {
    let mut hasher = Hasher::new(DigestKey::default());
    let one = hasher.document("1", Some("2"), "{\"b\":1.10,\"a\":[]}").unwrap();
    assert_eq!(one, hasher.document("1", Some("2"), " {\"a\" : [], \"b\" : 1.1e0}").unwrap());
    assert_eq!(one.record.to_string(), "807f58331f8326494b2a66a7fc2094be");
}
