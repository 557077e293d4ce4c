//! Made-up log objects like those of a busy account: with the calls, principals, sizes and
//! repetitions of real ones, so that they compress like real ones, by 10 to 15 times. On other data
//! the inflater's speed would say little.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::random::Random;

const ACCOUNT: &str = "111122223333";
const REGIONS: [&str; 3] = ["us-east-1", "eu-central-1", "us-west-2"];

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The number of log objects.
    pub objects: usize,
    /// The inflated bytes of each, roughly.
    pub object_bytes: usize,
    /// The percentage of objects with a group change.
    pub hit_percent: usize,
}

/// An API call.
#[derive(Clone, Copy)]
struct Call {
    service: &'static str,
    action: &'static str,
    read_only: &'static str,
    /// JSON, in which `?` stands for an id.
    parameters: &'static str,
}

impl Call {
    /// Parses a line of the four fields, with spaces between them.
    fn parse(line: &'static str) -> Call {
        let mut fields = line.splitn(4, ' ');
        let mut next = || fields.next().expect("a call has four fields");
        Call { service: next(), action: next(), read_only: next(), parameters: next() }
    }
}

/// Returns gzipped log objects, the same for the same plan.
pub fn objects(plan: Plan) -> Vec<Vec<u8>> {
    let hits_before = |index: usize| index * plan.hit_percent / 100;
    let has_hit = |index: usize| hits_before(index + 1) > hits_before(index);
    let object = |index| gzip(&object_text(index as u64, plan.object_bytes, has_hit(index)));
    (0..plan.objects).map(object).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("writing to a vector cannot fail");
    encoder.finish().expect("writing to a vector cannot fail")
}

/// The text of one log object. A group change, if any, is in the middle.
fn object_text(seed: u64, bytes: usize, has_hit: bool) -> String {
    let mut generator = Generator::new(seed);
    let mut text = String::with_capacity(bytes + 4096);
    text.push_str("{\"Records\":[");
    generator.push_records(&mut text, bytes / 2);
    if has_hit {
        let change = Call::parse(r#"iam CreateGroup false {"groupName":"team-?"}"#);
        generator.push_record(&mut text, change);
    }
    generator.push_records(&mut text, bytes);
    text.pop();
    text.push_str("]}");
    text
}

/// What the records of one object share: they are of one region and five minutes, and a few
/// principals make most of the calls.
struct Generator {
    random: Random,
    region: &'static str,
    calls: Vec<Call>,
    agents: Vec<&'static str>,
    identities: Vec<String>,
    ids: Vec<String>,
}

impl Generator {
    fn new(seed: u64) -> Generator {
        let mut random = Random::new(seed);
        Generator {
            region: REGIONS[seed as usize % REGIONS.len()],
            calls: include_str!("calls.txt").lines().map(Call::parse).collect(),
            agents: include_str!("agents.txt").lines().collect(),
            identities: (0..40).map(|index| identity(&mut random, index)).collect(),
            ids: (0..400).map(|_| format!("{:017x}", random.next_u64() >> 4)).collect(),
            random,
        }
    }

    /// Adds records until `text` has `bytes`.
    fn push_records(&mut self, text: &mut String, bytes: usize) {
        while text.len() < bytes {
            let call = *self.random.skewed(&self.calls);
            self.push_record(text, call);
        }
    }

    fn push_record(&mut self, text: &mut String, call: Call) {
        let Call { service, action, read_only, parameters } = call;
        let Generator { random, region, .. } = self;
        let identity = random.skewed(&self.identities);
        let id: &String = random.skewed(&self.ids);
        let parameters = parameters.replace('?', id);
        let minute = random.below(5);
        let second = random.below(60);
        let host = random.below(60);
        let agent = random.skewed(&self.agents);
        let request = random.uuid();
        let event = random.uuid();
        let error = match random.below(40) {
            0 => {
                "\"errorCode\":\"AccessDenied\",\
                 \"errorMessage\":\"not authorized to perform this action\","
            }
            _ => "",
        };
        let response = match read_only {
            "true" => "null".to_owned(),
            _ => format!(r#"{{"requestId":"{request}","_return":true}}"#),
        };
        text.push_str(&format!(
            "{{\"eventVersion\":\"1.11\",\"userIdentity\":{identity},\
             \"eventTime\":\"2026-03-01T10:0{minute}:{second:02}Z\",\
             \"eventSource\":\"{service}.amazonaws.com\",\"eventName\":\"{action}\",\
             \"awsRegion\":\"{region}\",\"sourceIPAddress\":\"198.51.100.{host}\",\
             \"userAgent\":\"{agent}\",{error}\"requestParameters\":{parameters},\
             \"responseElements\":{response},\"requestID\":\"{request}\",\"eventID\":\"{event}\",\
             \"readOnly\":{read_only},\"eventType\":\"AwsApiCall\",\"managementEvent\":true,\
             \"recipientAccountId\":\"{ACCOUNT}\",\"eventCategory\":\"Management\",\
             \"tlsDetails\":{{\"tlsVersion\":\"TLSv1.3\",\
             \"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\
             \"clientProvidedHostHeader\":\"{service}.{region}.amazonaws.com\"}}}},"
        ));
    }
}

/// A `userIdentity`: mostly the session of a role, sometimes an AWS service.
fn identity(random: &mut Random, index: usize) -> String {
    if index % 8 == 3 {
        return format!(r#"{{"type":"AWSService","invokedBy":"service{index}.amazonaws.com"}}"#);
    }
    let session = random.next_u64() >> 20;
    let id = random.key(17);
    let key = random.key(16);
    format!(
        "{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{id}:{session:x}\",\
         \"arn\":\"arn:aws:sts::{ACCOUNT}:assumed-role/service-{index}/{session:x}\",\
         \"accountId\":\"{ACCOUNT}\",\"accessKeyId\":\"ASIA{key}\",\
         \"sessionContext\":{{\"sessionIssuer\":{{\"type\":\"Role\",\
         \"principalId\":\"AROA{id}\",\"arn\":\"arn:aws:iam::{ACCOUNT}:role/service-{index}\",\
         \"accountId\":\"{ACCOUNT}\",\"userName\":\"service-{index}\"}},\
         \"attributes\":{{\"creationDate\":\"2026-03-01T09:4{}:00Z\",\
         \"mfaAuthenticated\":\"false\"}}}}}}",
        index % 10
    )
}
