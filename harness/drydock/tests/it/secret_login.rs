//! `drydock verify objects --login`: what a Secret holds opens a door, or is told. The door is a stand-in for Keycloak's token
//! endpoint that takes one client secret.

use crate::support::{drydock, folder, text};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;

/// What the stand-in takes.
const SECRET: &str = "hunter2hunter2";

/// The stand-in's address.
fn keycloak() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    address
}

fn serve(stream: &TcpStream) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request).unwrap_or_default() == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            if lines.read_line(&mut header).unwrap_or_default() <= 2 {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        if lines.read_exact(&mut body).is_err() {
            return;
        }
        let form = String::from_utf8_lossy(&body).into_owned();
        let here = request.starts_with("POST /realms/camunda/protocol/openid-connect/token");
        let (status, answer) = match (here, form.contains("client_id=zeebe") && form.contains(SECRET)) {
            (false, _) => ("404 Not Found", "{}"),
            (true, true) => ("200 OK", r#"{"access_token": "a.e30.c", "token_type": "Bearer"}"#),
            (true, false) => ("401 Unauthorized", r#"{"error": "unauthorized_client"}"#),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut out = stream;
        if out.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn verify(secret: &str, address: &str) -> Output {
    let folder = folder();
    let objects = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: clients}}\nstringData: {{zeebe: \"{secret}\"}}\n"
    );
    fs::write(folder.path().join("o.yaml"), objects).expect("write");
    drydock(folder.path())
        .args(["verify", "objects", "--before", "o.yaml", "--after", "o.yaml", "--login"])
        .arg(format!("clients/zeebe={address}"))
        .output()
        .expect("it runs")
}

#[test]
fn a_secret_that_opens_its_door_is_green_and_another_is_told() {
    let door = format!("http://zeebe@{}/realms/camunda", keycloak());
    let good = verify(SECRET, &door);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good));
    for wrong in ["correct horse", "hunter2"] {
        let bad = verify(wrong, &door);
        assert_eq!(bad.status.code(), Some(1), "{}", text(&bad));
        assert!(text(&bad).contains("client zeebe of realm camunda"), "{}", text(&bad));
        assert!(text(&bad).contains("unauthorized_client") && !text(&bad).contains(wrong), "{}", text(&bad));
    }
}

#[test]
fn a_door_that_is_not_there_proves_nothing() {
    for address in ["http://zeebe@127.0.0.1:1/realms/camunda", "postgres://modeler@127.0.0.1:1/modeler"] {
        let output = verify(SECRET, address);
        assert_eq!(output.status.code(), Some(3), "{address}: {}", text(&output));
        assert!(!text(&output).contains(SECRET), "{}", text(&output));
    }
    let wrong = verify(SECRET, "zeebe");
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
}
