//! Canonical form and digest of a document, beside the floor of hashing its bytes alone. The ratio of the two is what
//! counts; the absolute figures are those of one machine.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use drydock_parity::{Canonical, DigestKey, Hasher};
use std::hint::black_box;

/// A document of roughly `bytes`, shaped like a flow node of Operate.
fn document(bytes: usize) -> String {
    let head = r#"{"id":"4503599627373505","key":4503599627373505,"partitionId":2,"processInstanceKey":4503599627373502,"flowNodeId":"start","state":"COMPLETED","incident":false,"startDate":"2026-11-21T01:45:06.956+0000","endDate":null,"tenantId":"<default>","nested":{"b":[1,2.5,-3],"a":"\u00e9\n"},"value":""#;
    format!("{head}{}\"}}", "x".repeat(bytes.saturating_sub(head.len() + 2)))
}

fn documents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document");
    for bytes in [512_usize, 1024, 16 * 1024] {
        let source = document(bytes);
        group.throughput(Throughput::Bytes(source.len() as u64));
        group.bench_with_input(BenchmarkId::new("floor: hash of the bytes", bytes), &source, |b, source| {
            b.iter(|| blake3::hash(black_box(source.as_bytes())));
        });
        group.bench_with_input(BenchmarkId::new("canonical form", bytes), &source, |b, source| {
            let (mut canonical, mut out) = (Canonical::default(), Vec::new());
            b.iter(|| {
                out.clear();
                canonical.write(black_box(source), &mut out).is_ok()
            });
        });
        group.bench_with_input(BenchmarkId::new("fingerprint", bytes), &source, |b, source| {
            let mut hasher = Hasher::new(DigestKey::default());
            b.iter(|| hasher.document("4503599627373505", Some("2"), black_box(source)).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, documents);
criterion_main!(benches);
