//! Rules and exceptions that change while the function lives.

use std::fs;
use std::path::Path;

use detect::cloudtrail::S3Prefix;
use detect::rule::Detections;
use jiff::{SignedDuration, Timestamp};
use trailbell::app::config::{Config, DetectionsPlace};
use trailbell::app::reload::Reload;
use trailbell::store::DirStore;

/// A bucket (a directory) with rules and exceptions, and what follows it.
struct World {
    root: tempfile::TempDir,
    reload: Reload,
    now: Timestamp,
}

fn rule(id: &str) -> String {
    format!(
        "[rule]\nname = \"{id}\"\nrule_id = \"{id}\"\ndescription = \"x\"\ntype = \"query\"\nlanguage = \"kuery\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = \"event.action: CreateGroup\"\n"
    )
}

fn exception(name: &str) -> String {
    format!(
        "[[exception]]\nname = \"{name}\"\nrules = [\"*\"]\nquery = 'aws.cloudtrail.user_identity.arn: \"a\"'\n\
         reason = \"r\"\nowner = \"o\"\nexpires = \"never\"\n"
    )
}

impl World {
    /// Follows `rules/` and `exceptions/` of the bucket, without the rules that come with the
    /// program.
    fn new() -> World {
        World::at(["rules/", "exceptions/"], ["rules/", "exceptions/"])
    }

    /// The same for settings of rules and exceptions, which mean these places.
    fn at(settings: [&str; 2], places: [&str; 2]) -> World {
        let [rules, exceptions] = settings.map(|setting| format!("s3://bucket/{setting}"));
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("bucket")).unwrap();
        let vars = [
            ("TRAILBELL_ALERTS", "stdout"),
            ("TRAILBELL_STORE", "s3"),
            ("TRAILBELL_LEDGER", "none"),
            ("TRAILBELL_RULE_SETS", "none"),
            ("TRAILBELL_RULES", &rules),
            ("TRAILBELL_EXCEPTIONS", &exceptions),
        ];
        let config =
            Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
        let s3 = |prefix: &str| {
            S3Prefix::parse(&format!("s3://bucket/{prefix}")).map(DetectionsPlace::S3)
        };
        assert_eq!((&config.rules, &config.exceptions), (&s3(places[0]), &s3(places[1])));
        let reload = Reload::new(&config, Box::new(DirStore::new(root.path())));
        World { root, reload, now: "2026-03-01T10:00:00Z".parse().unwrap() }
    }

    fn write(&self, key: &str, text: &str) {
        let path = self.root.path().join("bucket").join(key);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What changed, two minutes later.
    async fn later(&mut self) -> Option<Detections> {
        self.now += SignedDuration::from_secs(120);
        self.reload.check(self.now).await.unwrap()
    }
}

#[tokio::test]
async fn a_prefix_is_a_folder_or_one_file() {
    for (settings, places) in [
        (["my/rules", "my/exceptions"], ["my/rules/", "my/exceptions/"]),
        (["my/rules/", "my/exceptions//"], ["my/rules/", "my/exceptions/"]),
        (["my/rules/a.toml", "my/exceptions/a.toml"], ["my/rules/a.toml", "my/exceptions/a.toml"]),
    ] {
        let mut world = World::at(settings, places);
        world.write("my/rules/a.toml", &rule("a"));
        world.write("my/exceptions/a.toml", &exception("a"));
        for drafts in ["my/rules-drafts/b.toml", "my/rules/a.toml.toml", "my/rulesx.toml"] {
            let is_below = drafts.starts_with(places[0]) && places[0].ends_with('/');
            if !is_below {
                world.write(drafts, &rule("draft"));
            }
        }
        world.write("my/exceptions-drafts/b.toml", &exception("draft"));
        let detections = world.later().await;
        assert_eq!(rules(&detections), ["a"], "{settings:?}");
        let exceptions = detections.as_ref().unwrap().exceptions.as_slice().iter();
        let names: Vec<&str> = exceptions.map(|exception| exception.name.as_str()).collect();
        assert_eq!(names, ["a"], "{settings:?}");
    }
}

fn rules(detections: &Option<Detections>) -> Vec<&str> {
    let all = detections.iter().flat_map(|detections| detections.rule_set.rules());
    all.map(|rule| rule.info.id.as_str()).collect()
}

fn warnings(detections: &Option<Detections>, now: Timestamp) -> String {
    detections.as_ref().unwrap().warnings(now).join("\n")
}

#[tokio::test]
async fn changes_are_taken_up_and_nothing_else_is_read_again() {
    let mut world = World::new();
    world.write("rules/a.toml", &rule("a"));
    world.write("exceptions/e.toml", &exception("e"));
    let first = world.later().await;
    assert_eq!(
        (rules(&first), first.as_ref().unwrap().exceptions.as_slice().len()),
        (vec!["a"], 1)
    );
    assert!(world.later().await.is_none(), "nothing changed");
    world.write("rules/b.toml", &rule("b"));
    assert!(world.reload.check(world.now).await.unwrap().is_none(), "at most once a minute");
    assert_eq!(rules(&world.later().await), ["a", "b"]);
    world.write("exceptions/e.toml", &format!("{}{}", exception("e"), exception("f")));
    assert_eq!(world.later().await.unwrap().exceptions.as_slice().len(), 2);
}

#[tokio::test]
async fn bad_rules_at_the_first_reading_fail_and_are_tried_again() {
    let mut world = World::new();
    world.write("exceptions/e.toml", &exception("e"));
    let error = world.reload.check(world.now).await.unwrap_err().to_string();
    assert!(error == "there is no .toml file in s3://bucket/rules/", "{error}");
    world.write("rules/a.toml", "[rule]\nquery = 1\n");
    world.now += SignedDuration::from_secs(120);
    let error = world.reload.check(world.now).await.unwrap_err().to_string();
    assert!(error.contains("s3://bucket/rules/a.toml:2:"), "{error}");
    world.write("rules/a.toml", &rule("a"));
    assert_eq!(rules(&world.later().await), ["a"], "fixed");
}

#[tokio::test]
async fn a_bad_update_of_rules_keeps_the_last_good_ones_and_says_so_until_it_is_mended() {
    let mut world = World::new();
    world.write("rules/a.toml", &rule("a"));
    world.write("exceptions/e.toml", &exception("e"));
    world.later().await;
    world.write("rules/a.toml", "[rule\n");
    let kept = world.later().await;
    assert_eq!(rules(&kept), ["a"]);
    let text = warnings(&kept, world.now);
    assert!(
        text.contains("the last good rules stay in use") && text.contains("a.toml:1:"),
        "{text}"
    );
    assert!(world.later().await.is_none(), "still so: what was loaded stays in force");
    world.write("rules/a.toml", &rule("a2"));
    let fixed = world.later().await;
    assert_eq!((rules(&fixed), warnings(&fixed, world.now)), (vec!["a2"], String::new()));
}

#[tokio::test]
async fn bad_exceptions_never_silence_an_alert() {
    let mut world = World::new();
    world.write("rules/a.toml", &rule("a"));
    world.write("exceptions/e.toml", "[[exception]]\nname = 1\n");
    let first = world.later().await;
    assert_eq!(
        (rules(&first), first.as_ref().unwrap().exceptions.as_slice().len()),
        (vec!["a"], 0)
    );
    assert!(warnings(&first, world.now).contains("no exception is in use"));
    world.write("exceptions/e.toml", &exception("e"));
    let fixed = world.later().await;
    assert_eq!(
        (fixed.as_ref().unwrap().exceptions.as_slice().len(), warnings(&fixed, world.now)),
        (1, String::new())
    );
    world.write("exceptions/e.toml", "[[exception\n");
    assert_eq!(
        world.later().await.unwrap().exceptions.as_slice().len(),
        0,
        "a bad update takes all out of use"
    );
}

#[tokio::test]
async fn what_cannot_be_fetched_later_is_as_it_was() {
    let mut world = World::new();
    world.write("rules/a.toml", &rule("a"));
    world.write("exceptions/e.toml", &exception("e"));
    world.later().await;
    fs::remove_dir_all(world.root.path().join("bucket/exceptions")).unwrap();
    fs::remove_dir_all(world.root.path().join("bucket/rules")).unwrap();
    let kept = world.later().await;
    assert_eq!((rules(&kept), kept.as_ref().unwrap().exceptions.as_slice().len()), (vec!["a"], 1));
    let text = warnings(&kept, world.now);
    assert!(
        text.contains("s3://bucket/rules/") && text.contains("s3://bucket/exceptions/"),
        "{text}"
    );
}
