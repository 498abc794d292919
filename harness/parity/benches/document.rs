//! Digests of documents, beside the floor of hashing their bytes alone. The ratios are what counts; the absolute figures
//! are those of one machine.
//!
//! `raw` is what a document costs that is written in the same bytes on both sides, `canonical` what it costs where stores
//! render differently.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use drydock_parity::{Canonical, DigestKey, Hasher, Header};
use std::hint::black_box;

/// A record of a process instance as the Zeebe exporter writes it, padded to about `bytes`.
fn record(bytes: usize) -> String {
    padded(
        r#"{"partitionId":2,"value":{"bpmnElementType":"SERVICE_TASK","elementId":"reserve-stock","flowScopeKey":4503599627395681,"bpmnEventType":"UNSPECIFIED","bpmnProcessId":"order-process","processDefinitionKey":4503599627370501,"version":3,"parentProcessInstanceKey":-1,"parentElementInstanceKey":-1,"processInstanceKey":4503599627395681,"tenantId":"<default>"},"key":4503599627395702,"timestamp":1763689506956,"valueType":"PROCESS_INSTANCE","brokerVersion":"8.6.0","position":88213,"sourceRecordPosition":88201,"intent":"ELEMENT_ACTIVATED","recordType":"EVENT","rejectionType":"NULL_VAL","rejectionReason":"","authorizations":{"authorized_tenants":["<default>"]},"recordVersion":1,"operationReference":-1,"sequence":4503599627382914,"note":""#,
        bytes,
    )
}

/// A process instance in Operate's list view, padded to about `bytes`.
fn list_view(bytes: usize) -> String {
    padded(
        r#"{"id":"4503599627395681","key":4503599627395681,"partitionId":2,"processDefinitionKey":4503599627370501,"processName":"Order \u00e9 process","processVersion":3,"bpmnProcessId":"order-process","startDate":"2026-11-21T01:45:06.956+0000","endDate":null,"state":"ACTIVE","batchOperationIds":null,"parentProcessInstanceKey":null,"parentFlowNodeInstanceKey":null,"treePath":"PI_4503599627395681","incident":false,"joinRelation":{"name":"processInstance","parent":null},"processInstanceKey":4503599627395681,"tenantId":"<default>","position":88213,"note":""#,
        bytes,
    )
}

fn padded(head: &str, bytes: usize) -> String {
    // Words, not one run of letters: texts of variables look like this.
    let words = "{\\\"customer\\\": \\\"Ada\\\", \\\"amount\\\": 129.5} ";
    let mut text = head.to_owned();
    while text.len() + words.len() + 2 <= bytes {
        text += words;
    }
    text + "\"}"
}

fn documents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document");
    let header = Header { id: "2-88213", routing: Some("2"), version: None };
    for (name, source) in [
        ("zeebe record 720", record(720)),
        ("zeebe record 1024", record(1024)),
        ("list view 1024", list_view(1024)),
        ("list view 16384", list_view(16 * 1024)),
    ] {
        group.throughput(Throughput::Bytes(source.len() as u64));
        let mut bench = |what: &str, routine: &mut dyn FnMut(&str)| {
            group.bench_with_input(BenchmarkId::new(what, name), &source, |b, source| {
                b.iter(|| routine(black_box(source)));
            });
        };
        let mut hasher = Hasher::new(DigestKey::default());
        bench("floor: blake3 of the bytes", &mut |source| {
            black_box(blake3::hash(source.as_bytes()));
        });
        bench("raw", &mut |source| {
            black_box(hasher.raw(&header, source));
        });
        bench("canonical", &mut |source| {
            black_box(hasher.canonical(&header, source).is_ok());
        });
        let (mut canonical, mut out) = (Canonical::default(), Vec::new());
        bench("canonical form alone", &mut |source| {
            out.clear();
            black_box(canonical.write(source, &mut out).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, documents);
criterion_main!(benches);
