//! Objects: the case of a cluster that was moved by a backup of its namespace, and one planted fault for each check.

use drydock_core::finding::{Finding, Outcome};
use drydock_core::names::checks;
use drydock_helm::Check;
use drydock_helm::objects::{Inventory, Objects, judge, staging_against};
use drydock_helm::values::Bitnami;
use std::path::PathBuf;

fn case(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/helm/objects/case-study");
    std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap()
}

fn set(text: &str) -> Inventory {
    Inventory::read(&[("objects.yaml".into(), text.to_owned())]).unwrap_or_else(|e| panic!("{e}"))
}

fn compare(before: &str, after: &str, bitnami: Bitnami) -> Vec<Check> {
    let (before, after) = (set(before), set(after));
    judge(&Objects { before: &before, after: &after, release: "camunda", bitnami, digest_key: &[7; 32] })
}

fn bad(checks: &[Check]) -> Vec<&Finding> {
    checks.iter().flat_map(|c| &c.findings).filter(|f| f.outcome > Outcome::NotAsked).collect()
}

fn tells(checks: &[Check], check: &str, words: &str) -> bool {
    bad(checks).iter().any(|f| f.check.as_str() == check && f.message.contains(words))
}

#[test]
fn a_cluster_moved_by_a_backup_of_its_namespace() {
    let checks = compare(&case("production"), &case("restored"), Bitnami::Stays);
    let all: Vec<_> = bad(&checks).iter().map(|f| format!("{} {}", f.check, f.message)).collect();
    for (check, words) in [
        (checks::OBJECTS_CLUSTER, "StorageClass/fast-retain is not among"),
        (checks::OBJECTS_CLUSTER, "PriorityClass/platform-critical is not among"),
        (checks::OBJECTS_CLUSTER, "IngressClass/nginx-internal is not among"),
        (checks::OBJECTS_CLUSTER, "ClusterRole/mq-operator is not among"),
        (checks::OBJECTS_CLUSTER, "CustomResourceDefinition/RabbitCluster.mq.example.org is not among"),
        (checks::OBJECTS_CLUSTER, "PersistentVolume/pv-new-camunda-broker-0 is not among"),
        (checks::OBJECTS_CLUSTER, "ClusterRoleBinding/mq-operator"),
        (checks::OBJECTS_CLUSTER, "ValidatingWebhookConfiguration/mq-operator"),
        (checks::OBJECTS_CONTROLLERS, "Pod/camunda-broker-0 (objects.yaml"),
        (checks::OBJECTS_CONTROLLERS, "Pod/camunda-zeebe-2 (objects.yaml"),
        (checks::OBJECTS_CONTROLLERS, "want the same pods"),
        (checks::OBJECTS_CONTROLLERS, "StatefulSet/camunda-zeebe"),
        (checks::OBJECTS_REACH, "Service/camunda-zeebe-hl"),
        (checks::OBJECTS_STORAGE, "PersistentVolumeClaim/data-camunda-broker-1 (objects.yaml"),
        (checks::OBJECTS_STORAGE, "data-camunda-zeebe-2 (objects.yaml"),
        (checks::OBJECTS_STORAGE, "is Lost"),
        (checks::OBJECTS_STORAGE, "StatefulSet/camunda-broker-restored"),
        (checks::OBJECTS_SECRETS, "white space at its ends only"),
    ] {
        assert!(tells(&checks, check, words), "{check}: {words} not in\n{}", all.join("\n"));
    }
    assert!(!all.join(" ").contains("correct horse"), "a secret is shown");
}

#[test]
fn the_same_move_made_right_raises_no_alarm() {
    let checks = compare(&case("production"), &case("repaired"), Bitnami::Leaves);
    let found: Vec<_> = bad(&checks).iter().map(|f| format!("{} {}", f.check, f.message)).collect();
    // The volumes have other names on the same disks: their old objects are gone, and that is all.
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(checks.iter().all(|c| c.compared > 0));
    let same = compare(&case("production"), &case("production"), Bitnami::Leaves);
    assert!(bad(&same).is_empty());
}

#[test]
fn a_staging_of_one_replica_proves_less() {
    let check = staging_against(&set(&case("staging")), &set(&case("production")));
    let told = |words: &str, outcome| {
        check.findings.iter().any(|f| f.message.contains(words) && f.outcome == outcome)
    };
    assert!(told("StatefulSet/camunda-broker has 1 replicas on staging and 3", Outcome::NotProven));
    assert!(told("another storageClassName", Outcome::NotProven));
    assert!(told("2.0 times the cpu", Outcome::Expected));
    assert!(told("4.0 times the space", Outcome::Expected));
    assert!(!told("StatefulSet/camunda-zeebe has", Outcome::NotProven));
    let same = staging_against(&set(&case("production")), &set(&case("production")));
    assert!(same.findings.is_empty() && same.compared > 0);
}

const BASE: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: camunda-zeebe, labels: {app: zeebe}}
spec:
  replicas: 2
  serviceName: camunda-zeebe
  selector: {matchLabels: {app: zeebe}}
  template:
    metadata: {labels: {app: zeebe}}
    spec:
      containers:
        - name: zeebe
          image: camunda/zeebe:8.7.9
          ports: [{name: http, containerPort: 9600}]
          env:
            - {name: A, value: one}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: creds, key: password}}}
          volumeMounts: [{name: data, mountPath: /usr/local/zeebe/data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 32Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: camunda-zeebe}
spec: {selector: {app: zeebe}, ports: [{name: http, port: 9600, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: h.example
      http: {paths: [{path: /operate, pathType: Prefix, backend: {service: {name: camunda-zeebe, port: {number: 9600}}}}]}
---
apiVersion: v1
kind: Secret
metadata: {name: creds}
stringData: {password: tr0ub4dor}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  application.yaml: |
    elasticsearch: {url: \"http://elasticsearch.example:9200\"}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: zeebe}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: zeebe}}}
";

#[test]
fn each_planted_fault_is_found_by_its_check() {
    let plants = [
        (
            "image: camunda/zeebe:8.7.9",
            "image: camunda/zeebe:8.7.8",
            checks::OBJECTS,
            "containers[zeebe].image",
        ),
        ("value: one", "value: two", checks::OBJECTS, "env[A].value"),
        ("            - {name: A, value: one}\n", "", checks::OBJECTS, "env[A]"),
        (
            "http://elasticsearch.example:9200",
            "http://other.example:9200",
            checks::OBJECTS,
            "elasticsearch.url",
        ),
        (
            "kind: PodDisruptionBudget\nmetadata: {name: zeebe}",
            "kind: PodDisruptionBudget\nmetadata: {name: zeebe-pdb}",
            checks::OBJECTS,
            "called zeebe-pdb now",
        ),
        ("serviceName: camunda-zeebe", "serviceName: zeebe", checks::OBJECTS_IMMUTABLE, "spec.serviceName"),
        ("storage: 32Gi", "storage: 64Gi", checks::OBJECTS_IMMUTABLE, "volumeClaimTemplates"),
        (
            "  selector: {matchLabels: {app: zeebe}}\n  template",
            "  selector: {matchLabels: {app: zeebe, x: y}}\n  template",
            checks::OBJECTS_IMMUTABLE,
            "spec.selector",
        ),
        (
            "{selector: {app: zeebe}, ports",
            "{selector: {app: broker}, ports",
            checks::OBJECTS_REACH,
            "matches no pods",
        ),
        ("targetPort: http}", "targetPort: web}", checks::OBJECTS_REACH, "no container"),
        ("path: /operate", "path: /monitor", checks::OBJECTS_REACH, "leads nowhere now"),
        ("port: {number: 9600}", "port: {number: 80}", checks::OBJECTS_REACH, "no such port"),
        (
            "maxUnavailable: 1, selector: {matchLabels: {app: zeebe}}",
            "maxUnavailable: 1, selector: {matchLabels: {app: z}}",
            checks::OBJECTS_REACH,
            "matches nothing",
        ),
        (
            "kind: StatefulSet\nmetadata: {name: camunda-zeebe,",
            "kind: StatefulSet\nmetadata: {name: zeebe,",
            checks::OBJECTS_STORAGE,
            "left behind",
        ),
        ("replicas: 2", "replicas: 1", checks::OBJECTS_STORAGE, "data-camunda-zeebe-1"),
        ("tr0ub4dor", "tr0ub4dor2", checks::OBJECTS_SECRETS, "another value"),
        ("{password: tr0ub4dor}", "{pass: x}", checks::OBJECTS_SECRETS, "stands nowhere else"),
        (
            "name: creds, key: password",
            "name: creds, key: pass",
            checks::OBJECTS_SECRETS,
            "has no key `pass`",
        ),
        (
            "http://elasticsearch.example:9200",
            "http://camunda-elasticsearch:9200",
            checks::OBJECTS_BITNAMI,
            "a service that is not there",
        ),
        (
            "camunda/zeebe:8.7.9",
            "mirror.example/bitnamilegacy/zeebe:8.7.9",
            checks::OBJECTS_BITNAMI,
            "Bitnami",
        ),
    ];
    for (old, new, check, words) in plants {
        assert!(BASE.contains(old), "{old}");
        let checks = compare(BASE, &BASE.replacen(old, new, 1), Bitnami::Leaves);
        let all: Vec<_> = bad(&checks).iter().map(|f| format!("{} {}", f.check, f.message)).collect();
        assert!(tells(&checks, check, words), "{new}: {check} does not say `{words}`:\n{}", all.join("\n"));
        assert!(!all.join(" ").contains("tr0ub4dor"), "a secret is shown: {all:?}");
    }
}

#[test]
fn the_same_meaning_in_other_words_is_no_difference() {
    let twins = [
        ("storage: 32Gi", "storage: 32768Mi"),
        ("stringData: {password: tr0ub4dor}", "data: {password: dHIwdWI0ZG9y}"),
        (
            "ports: [{name: http, containerPort: 9600}]",
            "ports: [{name: http, containerPort: 9600, protocol: TCP}]",
        ),
        (
            "serviceName: camunda-zeebe",
            "serviceName: camunda-zeebe\n  podManagementPolicy: OrderedReady\n  revisionHistoryLimit: 10",
        ),
        (
            "metadata: {name: camunda-zeebe, labels: {app: zeebe}}",
            "metadata: {name: camunda-zeebe, labels: {app: zeebe, helm.sh/chart: x-2}, annotations: {checksum/config: aa}}",
        ),
        (
            "elasticsearch: {url: \"http://elasticsearch.example:9200\"}",
            "# moved\n    elasticsearch:\n      url: http://elasticsearch.example:9200",
        ),
        ("path: /operate,", "path: /operate/,"),
    ];
    for (old, new) in twins {
        assert!(BASE.contains(old), "{old}");
        let checks = compare(BASE, &BASE.replacen(old, new, 1), Bitnami::Leaves);
        let all: Vec<_> =
            bad(&checks).iter().filter(|f| !f.subject.contains("rules")).map(|f| f.message.clone()).collect();
        assert!(all.is_empty(), "{new}: {all:?}");
    }
}
