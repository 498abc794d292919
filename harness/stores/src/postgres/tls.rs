//! TLS towards PostgreSQL, with as much verification as `sslmode` asks for.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much of a server's certificate is believed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verify<'a> {
    /// Any certificate: the line is encrypted, but to whom is not known.
    Nothing,
    /// One that leads to this authority (PEM), for whatever host.
    Chain(&'a str),
    /// One that leads to this authority, or to one of the system's, and is made out to the host.
    Full(Option<&'a str>),
}

/// A connector that believes so much.
pub(super) fn connector(verify: Verify<'_>) -> Result<MakeRustlsConnect, String> {
    let provider =
        CryptoProvider::get_default().cloned().ok_or_else(|| "no TLS library is set up".to_owned())?;
    let chain = match verify {
        Verify::Nothing => None,
        Verify::Chain(pem) => {
            let verifier = WebPkiServerVerifier::builder(Arc::new(authority(pem)?)).build();
            Some(verifier.map_err(|e| format!("the authority's file: {e}"))?)
        }
        Verify::Full(Some(pem)) => {
            let config =
                ClientConfig::builder().with_root_certificates(authority(pem)?).with_no_client_auth();
            return Ok(MakeRustlsConnect::new(config));
        }
        Verify::Full(None) => {
            // Certificates of the system's store that cannot be read are left out: the others still serve.
            let (tls, _unreadable) = MakeRustlsConnect::with_native_certs()
                .map_err(|e| format!("the system's certificates cannot be read: {e:?}"))?;
            return Ok(tls);
        }
    };
    let verifier = Arc::new(Lenient { provider, chain });
    let builder = ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier);
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

fn authority(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("the authority's file: {e}"))?;
        roots.add(certificate).map_err(|e| format!("the authority's file: {e}"))?;
    }
    Ok(roots)
}

/// Verifies less than everything, as the caller asked.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at after the chain: whoever gets here has a good chain.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
