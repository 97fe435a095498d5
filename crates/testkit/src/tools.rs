//! Programs that play people and their mail clients: swaks, the openssl command line.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::child::{Room, Server};

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    /// True for exit code 0.
    pub ok: bool,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// Runs a program with `input` on standard input.
///
/// # Panics
/// When it can't be started.
#[must_use]
pub fn run(program: &str, args: &[&str], input: &[u8]) -> Answer {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} does not start ({e}); scripts/install tests installs it"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let feed = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let out = child.wait_with_output().expect("output");
    let _ = feed.join();
    Answer { ok: out.status.success(), out: out.stdout, err: String::from_utf8_lossy(&out.stderr).into_owned() }
}

/// Runs a program that must succeed.
///
/// # Panics
/// When it fails; its words are shown.
#[must_use]
pub fn must(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let answer = run(program, args, input);
    assert!(answer.ok, "{program} {args:?} failed:\n{}{}", answer.text(), answer.err);
    answer.out
}

/// Sends `message` (CRLF or LF line ends) with swaks.
#[must_use]
pub fn swaks(server: &str, from: &str, to: &[&str], message: &str, more: &[&str]) -> Answer {
    let recipients = to.join(",");
    let mut args =
        vec!["--server", server, "--from", from, "--to", &recipients, "--data", "-", "--timeout", "30", "--helo", "client.example"];
    args.extend(more);
    run("swaks", &args, message.as_bytes())
}

/// What a server's certificate is for.
const SERVER: &str = "keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n";

/// A certification authority of the test's own, by the openssl command line.
#[derive(Debug)]
pub struct Ca<'a> {
    room: &'a Room,
    name: String,
}

impl<'a> Ca<'a> {
    /// Makes `NAME.crt` and `NAME.key` in the room.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn new(room: &'a Room, name: &str) -> Self {
        let ca = Self { room, name: name.to_owned() };
        let subject = format!("/CN={name}");
        let _ = must(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "30",
                "-subj",
                &subject,
                "-addext",
                "basicConstraints=critical,CA:TRUE",
                "-addext",
                "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout",
                &ca.key(),
                "-out",
                &ca.cert(),
            ],
            b"",
        );
        ca
    }

    /// Path of the CA's certificate.
    #[must_use]
    pub fn cert(&self) -> String {
        self.room.file(&format!("{}.crt", self.name))
    }

    fn key(&self) -> String {
        self.room.file(&format!("{}.key", self.name))
    }

    /// Issues a certificate for mail; returns the paths of certificate, key and PKCS#12 file (pass phrase `secret`).
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn person(&self, address: &str) -> Person {
        self.person_with(address, "")
    }

    /// As [`Self::person`], with more lines of extensions.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn person_with(&self, address: &str, more: &str) -> Person {
        let stem = address.replace('@', "_at_");
        let (cert, key, p12) =
            (self.room.file(&format!("{stem}.crt")), self.room.file(&format!("{stem}.key")), self.room.file(&format!("{stem}.p12")));
        let request =
            must("openssl", &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &format!("/CN={stem}"), "-keyout", &key], b"");
        let extensions = self.room.write(
            &format!("{stem}.ext"),
            format!("subjectAltName=email:{address}\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\nbasicConstraints=CA:FALSE\n{more}"),
        );
        let _ = must(
            "openssl",
            &[
                "x509",
                "-req",
                "-CA",
                &self.cert(),
                "-CAkey",
                &self.key(),
                "-CAcreateserial",
                "-days",
                "20",
                "-extfile",
                &extensions,
                "-out",
                &cert,
            ],
            &request,
        );
        let _ = must(
            "openssl",
            &["pkcs12", "-export", "-inkey", &key, "-in", &cert, "-certfile", &self.cert(), "-passout", "pass:secret", "-out", &p12],
            b"",
        );
        Person { address: address.to_owned(), cert, key, p12 }
    }

    /// Issues a certificate for a server with this subjectAltName (`DNS:mx.example`, `IP:127.0.0.21`) that is good for `days` (-1: expired
    /// since yesterday); returns the paths of certificate and key.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn server(&self, name: &str, alternative: &str, days: &str) -> (String, String) {
        self.issue(name, days, &format!("subjectAltName={alternative}\n{SERVER}"))
    }

    /// As [`Self::server`], for twenty days; the certificate names where its revocation list is.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn server_listed(&self, name: &str, alternative: &str, list: &str) -> (String, String) {
        self.issue(name, "20", &format!("subjectAltName={alternative}\ncrlDistributionPoints=URI:{list}\n{SERVER}"))
    }

    /// As [`Self::server`], for twenty days; the certificate names where questions about it are answered (RFC 6960).
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn server_answered(&self, name: &str, alternative: &str, responder: &str) -> (String, String) {
        self.issue(name, "20", &format!("subjectAltName={alternative}\nauthorityInfoAccess=OCSP;URI:{responder}\n{SERVER}"))
    }

    /// This CA's OCSP responder on a port of every address, for these certificates; revoked ones or good ones.
    ///
    /// # Panics
    /// When openssl can't be started.
    #[must_use]
    pub fn responder(&self, port: u16, certificates: &[&str], revoked: bool) -> Server {
        let line = |cert: &&str| match revoked {
            true => format!("R\t590101000000Z\t200101000000Z\t{}\tunknown\t/CN=x\n", serial(cert)),
            false => format!("V\t590101000000Z\t\t{}\tunknown\t/CN=x\n", serial(cert)),
        };
        let index = self.room.write(&format!("{}.answers", self.name), certificates.iter().map(line).collect::<String>());
        let (cert, key, port_text) = (self.cert(), self.key(), port.to_string());
        let own = ["ocsp", "-index", &index, "-CA", &cert, "-rsigner", &cert, "-rkey", &key, "-ndays", "1", "-port", &port_text];
        let log = self.room.path().join("responder.log");
        // The words of one before would be taken for its own.
        let _ = std::fs::remove_file(&log);
        let server = Server::start("openssl", &own, &log);
        // Not by a connection: one that says nothing keeps it from ever answering another.
        let ready = || std::fs::read_to_string(&log).ok().filter(|said| said.contains("waiting for OCSP client connections"));
        let _ = crate::wait::until(std::time::Duration::from_secs(20), "the responder to listen", ready);
        server
    }

    /// A CA below this one, whose certificate names where this one's revocation list is.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn below(&self, name: &str, list: &str) -> Self {
        let usages = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        let _ = self.issue(name, "20", &format!("{usages}crlDistributionPoints=URI:{list}\n"));
        Self { room: self.room, name: name.to_owned() }
    }

    /// This CA's revocation list, DER, good for a day, with these certificates on it.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn revocation_list(&self, revoked: &[&str]) -> Vec<u8> {
        let line = |cert: &&str| format!("R\t590101000000Z\t200101000000Z\t{}\tunknown\t/CN=x\n", serial(cert));
        let index = self.room.write(&format!("{}.index", self.name), revoked.iter().map(line).collect::<String>());
        let config = self.room.write(
            &format!("{}.cnf", self.name),
            format!("[ca]\ndefault_ca = own\n[own]\ndatabase = {index}\ndefault_md = sha256\ndefault_crl_days = 1\n"),
        );
        let (cert, key, list) = (self.cert(), self.key(), self.room.file(&format!("{}.crl", self.name)));
        let _ = must("openssl", &["ca", "-gencrl", "-config", &config, "-cert", &cert, "-keyfile", &key, "-out", &list], b"");
        must("openssl", &["crl", "-in", &list, "-outform", "DER"], b"")
    }

    fn issue(&self, name: &str, days: &str, extensions: &str) -> (String, String) {
        let (cert, key) = (self.room.file(&format!("{name}.crt")), self.room.file(&format!("{name}.key")));
        let request =
            must("openssl", &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &format!("/CN={name}"), "-keyout", &key], b"");
        let extensions = self.room.write(&format!("{name}.ext"), extensions);
        let (ca, ca_key) = (self.cert(), self.key());
        let line =
            ["x509", "-req", "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-days", days, "-extfile", &extensions, "-out", &cert];
        let _ = must("openssl", &line, &request);
        (cert, key)
    }
}

fn serial(cert: &str) -> String {
    let said = must("openssl", &["x509", "-in", cert, "-noout", "-serial"], b"");
    String::from_utf8_lossy(&said).trim().replace("serial=", "")
}

/// A certificate that only its own key vouches for; the paths of certificate and key.
///
/// # Panics
/// When openssl fails.
#[must_use]
pub fn self_signed(room: &Room, name: &str, alternative: &str) -> (String, String) {
    let (cert, key) = (room.file(&format!("{name}.crt")), room.file(&format!("{name}.key")));
    let (subject, names) = (format!("/CN={name}"), format!("subjectAltName={alternative}"));
    let line = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "20", "-subj", &subject, "-addext", &names, "-keyout", &key];
    let _ = must("openssl", &[&line[..], &["-out", &cert]].concat(), b"");
    (cert, key)
}

/// Digest of a certificate as the openssl command line writes it: `A9:99:3E:…`.
///
/// # Panics
/// When openssl fails.
#[must_use]
pub fn fingerprint(cert: &str, digest: &str) -> String {
    let out = must("openssl", &["x509", "-in", cert, "-noout", "-fingerprint", digest], b"");
    String::from_utf8_lossy(&out).split('=').nth(1).expect("NAME=DIGEST").trim().to_owned()
}

/// Somebody with a certificate.
#[derive(Debug, Clone)]
pub struct Person {
    /// Mail address.
    pub address: String,
    /// PEM file.
    pub cert: String,
    /// PEM file, no pass phrase.
    pub key: String,
    /// PKCS#12 file with pass phrase `secret`.
    pub p12: String,
}
