//! Figures of the comparison: 10,000 keys of values, 2,000 manifests.

use criterion::{Criterion, criterion_group, criterion_main};
use drydock_helm::objects::{Inventory, Objects, judge as judge_objects};
use drydock_helm::values::{Bitnami, ChartKeys, Road, Subject, Supplied, Version, judge};
use std::hint::black_box;

fn values(c: &mut Criterion) {
    let mut text = String::from("zeebe:\n  podLabels:\n");
    for i in 0..5000 {
        text.push_str(&format!("    label-{i}: \"{i}\"\n"));
    }
    text.push_str("optimize:\n  podAnnotations:\n");
    for i in 0..5000 {
        text.push_str(&format!("    note-{i}: \"{i}\"\n"));
    }
    let road = Road::between("12.13.3", "13.12.7").unwrap();
    c.bench_function("10,000 keys", |b| {
        b.iter(|| {
            let keys = |v: &str| ChartKeys::shipped(&Version::parse(v).unwrap());
            let (from, to) = (keys("12.13.3"), keys("13.12.7"));
            let old = Supplied::read(&[("values.yaml".into(), text.clone())], &[]).unwrap();
            black_box(judge(&Subject {
                old: &old,
                new: None,
                road: &road,
                chart_from: from.as_ref(),
                chart_to: to.as_ref(),
                release: "camunda",
                bitnami: Bitnami::Stays,
            }))
        });
    });
}

fn manifests(c: &mut Criterion) {
    let mut text = String::new();
    for i in 0..500 {
        text.push_str(&format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{i}, labels: {{app: app-{i}}}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: app-{i}}}}}\n  template:\n    metadata: {{labels: {{app: app-{i}}}}}\n    spec:\n      containers:\n        - name: main\n          image: example/app:{i}\n          env: [{{name: A, value: \"1\"}}, {{name: P, valueFrom: {{secretKeyRef: {{name: secret-{i}, key: p}}}}}}]\n          ports: [{{name: http, containerPort: 8080}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: app-{i}}}\nspec: {{selector: {{app: app-{i}}}, ports: [{{port: 80, targetPort: http}}]}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: secret-{i}}}\nstringData: {{p: value-{i}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config-{i}}}\ndata:\n  application.yaml: |\n    server: {{port: 8080}}\n    name: app-{i}\n"
        ));
    }
    let other = text.replace("containerPort: 8080", "containerPort: 8081");
    c.bench_function("2,000 manifests", |b| {
        b.iter(|| {
            let read = |text: &str| Inventory::read(&[("objects.yaml".into(), text.to_owned())]).unwrap();
            let (before, after) = (read(&text), read(&other));
            let subject = Objects {
                before: &before,
                after: &after,
                release: "camunda",
                bitnami: Bitnami::Stays,
                digest_key: &[7; 32],
            };
            black_box(judge_objects(&subject))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = values, manifests
}
criterion_main!(benches);
