//! A trail's log files and digests, signed by the key of `events/keys/test-key.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::root;

/// The name of the key, in `events/keys/public-keys.json` too.
pub fn fingerprint() -> String {
    let text = fs::read(root().join("events/keys/public-keys.json")).unwrap();
    let keys: Value = serde_json::from_slice(&text).unwrap();
    keys["PublicKeyList"][0]["Fingerprint"].as_str().unwrap().to_owned()
}

/// Signs a text as CloudTrail does. Returns hexadecimal.
pub fn sign(text: &str) -> String {
    let key = fs::read(root().join("events/keys/test-key.json")).unwrap();
    let key: BTreeMap<String, String> = serde_json::from_slice(&key).unwrap();
    let part = |name: &str| decode_hex(&key[name]);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: part("n"), e: part("e") },
        d: part("d"),
        p: part("p"),
        q: part("q"),
        dP: part("dp"),
        dQ: part("dq"),
        qInv: part("qi"),
    };
    let key = KeyPair::from_components(&components).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    hex(&signature)
}

pub fn sha256(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// An object: its stored bytes and metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct TrailObject {
    pub bytes: Vec<u8>,
    pub metadata: BTreeMap<String, String>,
}

/// A trail in one account and region, and what it wrote.
#[derive(Debug, Clone)]
pub struct SignedTrail {
    pub bucket: String,
    pub account: String,
    pub region: String,
    pub name: String,
    pub objects: BTreeMap<String, TrailObject>,
    /// The keys of the digests, in order.
    pub digests: Vec<String>,
    /// What the next digest says about the one before.
    previous: Option<Previous>,
}

#[derive(Debug, Clone)]
struct Previous {
    key: String,
    hash: String,
    signature: String,
}

impl SignedTrail {
    /// A trail without digests: `trail` of account 111122223333 in us-east-1.
    pub fn new(bucket: &str) -> SignedTrail {
        SignedTrail {
            bucket: bucket.to_owned(),
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            name: "trail".to_owned(),
            objects: BTreeMap::new(),
            digests: Vec::new(),
            previous: None,
        }
    }

    /// Adds log files, one for each text, that were delivered in the hour that ends at `end`, and
    /// the digest that lists them.
    pub fn add_hour(&mut self, end: Timestamp, texts: &[String]) {
        let mut entries = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let minutes = 5 + 50 * index as i64 / texts.len() as i64;
            let delivered = end - SignedDuration::from_mins(60 - minutes);
            let key = self.log_key(delivered, index);
            self.put(&key, gzip(text.as_bytes()), BTreeMap::new());
            entries.push(self.entry(&key, text));
        }
        let content = self.content(end, entries);
        self.add_digest(&self.digest_key(end), &content);
    }

    /// Lets the next digest be the first of a new chain.
    pub fn restart(&mut self) {
        self.previous = None;
    }

    pub fn log_key(&self, delivered: Timestamp, index: usize) -> String {
        let SignedTrail { account, region, .. } = self;
        let day = delivered.strftime("%Y/%m/%d");
        let stamp = delivered.strftime("%Y%m%dT%H%MZ");
        format!(
            "AWSLogs/{account}/CloudTrail/{region}/{day}/\
             {account}_CloudTrail_{region}_{stamp}_aBcDeFgHiJ{index:06}.json.gz"
        )
    }

    pub fn digest_key(&self, end: Timestamp) -> String {
        let SignedTrail { account, region, name, .. } = self;
        let day = end.strftime("%Y/%m/%d");
        let stamp = end.strftime("%Y%m%dT%H%M%SZ");
        format!(
            "AWSLogs/{account}/CloudTrail-Digest/{region}/{day}/\
             {account}_CloudTrail-Digest_{region}_{name}_us-east-1_{stamp}.json.gz"
        )
    }

    /// What a digest says about a log file.
    pub fn entry(&self, key: &str, text: &str) -> Value {
        json!({
            "s3Bucket": self.bucket,
            "s3Object": key,
            "hashValue": sha256(text.as_bytes()),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": null,
            "oldestEventTime": null,
        })
    }

    /// The content of the next digest.
    pub fn content(&self, end: Timestamp, entries: Vec<Value>) -> Value {
        let previous = self.previous.as_ref();
        json!({
            "awsAccountId": self.account,
            "digestStartTime": time(end - SignedDuration::from_hours(1)),
            "digestEndTime": time(end),
            "digestS3Bucket": self.bucket,
            "digestS3Object": self.digest_key(end),
            "digestPublicKeyFingerprint": fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null,
            "oldestEventTime": null,
            "previousDigestS3Bucket": previous.map(|_| &self.bucket),
            "previousDigestS3Object": previous.map(|previous| &previous.key),
            "previousDigestHashValue": previous.map(|previous| &previous.hash),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|previous| &previous.signature),
            "logFiles": entries,
        })
    }

    /// Signs a digest and puts it. The next digest follows it.
    pub fn add_digest(&mut self, key: &str, content: &Value) {
        let text = content.to_string();
        let signature = self.put_signed(key, content);
        self.digests.push(key.to_owned());
        let hash = sha256(text.as_bytes());
        self.previous = Some(Previous { key: key.to_owned(), hash, signature });
    }

    /// Signs a digest, in the place that it names, and puts it somewhere.
    pub fn put_signed(&mut self, key: &str, content: &Value) -> String {
        let text = content.to_string();
        let field = |name: &str| content[name].as_str().unwrap_or("null");
        let signature = sign(&format!(
            "{}\n{}/{}\n{}\n{}",
            field("digestEndTime"),
            field("digestS3Bucket"),
            field("digestS3Object"),
            sha256(text.as_bytes()),
            field("previousDigestSignature"),
        ));
        let metadata =
            [("signature", signature.as_str()), ("signature-algorithm", "SHA256withRSA")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.put(key, gzip(text.as_bytes()), metadata.into());
        signature
    }

    pub fn put(&mut self, key: &str, bytes: Vec<u8>, metadata: BTreeMap<String, String>) {
        self.objects.insert(key.to_owned(), TrailObject { bytes, metadata });
    }

    /// The keys of the log files, sorted.
    pub fn logs(&self) -> Vec<String> {
        self.objects.keys().filter(|key| key.contains("/CloudTrail/")).cloned().collect()
    }

    /// Writes the objects as files below `folder`, which stands for the bucket.
    pub fn write_to(&self, folder: &Path) {
        for (key, TrailObject { bytes, metadata }) in &self.objects {
            let path = folder.join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            if !metadata.is_empty() {
                let name = format!("{}.metadata.json", path.to_str().unwrap());
                fs::write(name, json!({ "Metadata": metadata }).to_string()).unwrap();
            }
        }
    }
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
