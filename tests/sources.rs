//! Sources of training data: what can be used, what is left out, and what a run remembers of it.

use std::path::Path;

use image::{DynamicImage, RgbImage};
use serde_json::Value;
use shared::bundle::Bundle;

use crate::support::{export, metrics, root, trainer, trainer_err, trainer_ok, weights};

/// Images and captions of our own, some of them broken.
fn photographs(folder: &Path) {
    let samples = ["cat", "coffee", "rocket", "astronaut"];
    let captions = [
        "a small brown cat on a red sofa",
        "a white cup of coffee",
        "a white rocket under a blue sky",
        "someone is smiling",
    ];
    std::fs::create_dir_all(folder.join("photos")).expect("a folder");
    let mut table =
        "image,split,caption\nnone.jpg,train,a dog\nbroken.jpg,train,a dog\nheld.jpg,test,a dog\n".to_owned();
    for (sample, caption) in samples.iter().zip(captions) {
        let from = root().join(format!("assets/samples/{sample}.jpg"));
        for copy in 0..4 {
            std::fs::copy(&from, folder.join(format!("photos/{sample}-{copy}.jpg"))).expect("a sample");
            table += &format!("{sample}-{copy}.jpg,train,{caption}\n{sample}-{copy}.jpg,train,\n");
        }
    }
    std::fs::write(folder.join("photos/broken.jpg"), "no image").expect("a file");
    std::fs::copy(root().join("assets/samples/cat.jpg"), folder.join("photos/held.jpg")).expect("a sample");
    std::fs::write(folder.join("captions.csv"), table).expect("a table");
}

#[test]
fn a_run_on_photographs_survives_broken_ones_and_remembers_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "captions.csv", "--batch-size", "8"];
    let whole = [&command[..], &["--epochs", "3", "--quiet", "--out", "whole"]].concat();
    trainer_ok(folder.path(), &whole);
    let parts = [&command[..], &["--epochs", "3", "--quiet", "--out", "parts", "--stop-after", "3"]].concat();
    trainer_ok(folder.path(), &parts);
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"];
    trainer_ok(folder.path(), &go_on);
    let bundle = export(folder.path(), "whole", "f32");
    assert!(
        weights(&bundle) == weights(&export(folder.path(), "parts", "f32")),
        "resuming changed the weights"
    );

    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join("whole").join(name)).expect("a file of the run")
    };
    assert_eq!(read("images.txt").lines().count(), 16);
    let skipped: Vec<Value> =
        read("skipped.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let count =
        |why: &str| skipped.iter().filter(|one| one["why"].as_str().expect("text").contains(why)).count();
    assert_eq!((count("not there"), count("not an image"), count("empty caption")), (1, 1, 16));
    let last = metrics(&folder.path().join("whole")).pop().expect("a line");
    assert_eq!(last["with_negatives"], 0.75, "three of four captions name something that can be exchanged");

    // The held-out copy has another name, so it is no leak; the training images are.
    let evaluate =
        ["evaluate", "--bundle", "whole.safetensors", "--benchmark", "negatives", "--device", "cpu"];
    let of_split =
        |split| [&evaluate[..], &["--balanced", "off", "--data", ".", "--split", split, "--quiet"]].concat();
    let (code, said) = trainer_err(folder.path(), &of_split("train"));
    assert!(code == Some(1) && said.contains("was trained on 12 of the 13 images"), "{said}");
    let trained_on = |split| {
        let more = ["--allow-leakage", "--json", "report.json"];
        trainer_ok(folder.path(), &[&of_split(split)[..], &more].concat());
        let json = std::fs::read_to_string(folder.path().join("report.json")).expect("the report");
        serde_json::from_str::<Value>(&json).expect("JSON")["models"][0]["trained_on_pictures"].clone()
    };
    assert_eq!((trained_on("train"), trained_on("test")), (12.into(), 0.into()));

    std::fs::write(folder.path().join("captions.csv"), "image,split,caption\ncat-0.jpg,train,a cat\n")
        .expect("a table");
    let (code, said) = trainer_err(folder.path(), &go_on);
    assert_eq!(code, Some(1));
    assert!(said.contains("has changed since the run began"), "{said}");
}

#[test]
fn negatives_are_mined_anew_for_every_epoch_and_survive_an_interruption() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "captions.csv", "--batch-size", "8"];
    let more = ["--negatives", "mined,color", "--epochs", "3", "--quiet", "--out"];
    let begin = |out| [&command[..], &more, &[out]].concat();
    trainer_ok(folder.path(), &begin("whole"));
    // Two batches an epoch: a run that stops between two epochs has not mined for the next one yet.
    trainer_ok(folder.path(), &[&begin("parts")[..], &["--stop-after", "2"]].concat());
    let mined = folder.path().join("parts/mined-0001.json");
    assert!(!mined.exists());
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"];
    trainer_ok(folder.path(), &[&go_on[..], &["--stop-after", "3"]].concat());
    // The second batch of an epoch needs what was mined before its first.
    let hidden = folder.path().join("hidden.json");
    std::fs::rename(&mined, &hidden).expect("what was mined");
    let (code, said) = trainer_err(folder.path(), &go_on);
    assert!(code == Some(1) && said.contains("mined-0001.json is gone"), "{said}");
    std::fs::rename(&hidden, &mined).expect("what was mined");
    trainer_ok(folder.path(), &go_on);
    let [whole, parts] = ["whole", "parts"].map(|run| weights(&export(folder.path(), run, "f32")));
    assert!(whole == parts, "resuming changed the weights");

    let read = |name: &str| std::fs::read_to_string(folder.path().join("whole").join(name)).expect("a file");
    let nearest: Value = serde_json::from_str(&read("mined-0000.json")).expect("JSON");
    let captions = nearest["nearest"][0].as_array().expect("captions");
    let lengths: Vec<usize> = captions.iter().map(|near| near.as_array().expect("numbers").len()).collect();
    assert_eq!(lengths, [2; 16]);
    let last = metrics(&folder.path().join("whole")).pop().expect("a line");
    assert_eq!(last["with_negatives"], 1.0);
    let kinds: Vec<&String> = last["hard_negative_accuracy"].as_object().expect("shares").keys().collect();
    assert_eq!(kinds, ["color", "mined"]);

    let scenes = ["pretrain", "--data", "scenes", "--negatives", "mined", "--device", "cpu", "--out", "none"];
    let (code, said) = trainer_err(folder.path(), &scenes);
    assert!(code == Some(1) && said.contains("needs captions in files"), "{said}");
}

#[test]
fn a_folder_of_images_with_texts_beside_them_is_a_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "2", "--data"];
    let pretrain = [&command[..], &["mine", "--epochs", "1", "--out", "run"]].concat();
    for (sample, texts) in
        [("cat", "a brown cat\n\na cat on a sofa\n"), ("coffee", "a white cup"), ("rocket", "")]
    {
        let at = |ending: &str| folder.path().join(format!("mine/{sample}/1.{ending}"));
        std::fs::create_dir_all(folder.path().join("mine").join(sample)).expect("a folder");
        std::fs::copy(root().join(format!("assets/samples/{sample}.jpg")), at("jpg")).expect("a sample");
        if sample == "cat" {
            let (code, said) = trainer_err(folder.path(), &pretrain);
            assert!(code == Some(1) && said.contains("nor images with a .txt file beside them"), "{said}");
        }
        std::fs::write(at("txt"), texts).expect("a text");
    }
    trainer_ok(folder.path(), &[&command[..], &["mine", "--epochs", "1", "--out", "texts"]].concat());
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join("texts").join(name)).expect("a file of the run")
    };
    let images = read("images.txt");
    let names: Vec<&str> = images.lines().filter_map(|line| Some(line.split_once('\t')?.0)).collect();
    assert_eq!(names, ["cat/1.jpg", "coffee/1.jpg"]);
    assert!(read("skipped.jsonl").contains("rocket/1.jpg"));
}

#[test]
fn sources_are_mixed_in_every_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "8", "--epochs", "3"];
    let sources =
        ["--data", "captions.csv", "scenes:640", "--data-weights", "3", "--data-weights", "1", "--out"];
    trainer_ok(folder.path(), &[&command[..], &sources, &["whole"]].concat());
    trainer_ok(folder.path(), &[&command[..], &sources, &["parts", "--stop-after", "4"]].concat());
    trainer_ok(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"]);
    let [whole, parts] = ["whole", "parts"].map(|run| export(folder.path(), run, "f32"));
    assert!(weights(&whole) == weights(&parts), "resuming changed the weights");
    let bundle = Bundle::read(whole).expect("the bundle");
    let training = bundle.header().training();
    // Sixteen photographs, six a batch: two steps an epoch.
    assert_eq!((training.steps, training.images.len()), (6, 16));
    assert_eq!(training.data, ["captions.csv", "scenes:640"]);

    let too_large =
        ["pretrain", "--data", "captions.csv", "--batch-size", "17", "--device", "cpu", "--out", "large"];
    let (code, said) = trainer_err(folder.path(), &too_large);
    assert!(code == Some(1) && said.contains("has 16 images, a batch takes 17"), "{said}");
    let (code, said) =
        trainer_err(folder.path(), &[&command[..], &sources, &["x", "--data-weights", "1"]].concat());
    assert!(code == Some(1) && said.contains("3 --data-weights for 2 sources"), "{said}");
}

/// A folder of images with a text beside each, and the same in two shards. Returns the bytes of the shards.
fn in_shards(folder: &Path) -> [Vec<u8>; 2] {
    std::fs::create_dir_all(folder.join("beside")).expect("a folder");
    let samples = [
        ("astronaut", "a woman in an orange suit\nan astronaut in front of a flag"),
        ("cat", "a small brown cat"),
        ("coffee", "a white cup"),
        ("rocket", "a white rocket"),
    ];
    let shard = |samples: &[(&str, &str)]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (sample, text) in samples {
            let image = std::fs::read(root().join(format!("assets/samples/{sample}.jpg"))).expect("a sample");
            for (ending, bytes) in [("jpg", &image[..]), ("txt", text.as_bytes())] {
                let name = format!("{sample}.{ending}");
                std::fs::write(folder.join("beside").join(&name), bytes).expect("a file");
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, name, bytes).expect("an entry");
            }
        }
        tar.into_inner().expect("an archive")
    };
    let shards = [shard(&samples[..2]), shard(&samples[2..])];
    for (number, bytes) in shards.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.tar")), bytes).expect("a shard");
    }
    shards
}

#[test]
fn shards_teach_what_their_files_in_a_folder_teach() {
    let folder = tempfile::tempdir().expect("a folder");
    let [_, second] = in_shards(folder.path());
    let command = ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "2"];
    let run = |data: &str, more: &[&str], out: &str| {
        trainer_ok(folder.path(), &[&command[..], &["--data", data], more, &["--out", out]].concat());
        weights(&export(folder.path(), out, "f32"))
    };
    let beside = run("beside", &["--epochs", "3"], "of-files");
    assert!(run("{0..1}.tar", &["--epochs", "3", "--index", "index"], "of-shards") == beside);
    assert_eq!(std::fs::read_dir(folder.path().join("index")).expect("an index").count(), 2);
    run("{0..1}.tar", &["--epochs", "3", "--index", "index", "--stop-after", "2"], "parts");
    trainer_ok(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"]);
    assert!(weights(&export(folder.path(), "parts", "f32")) == beside, "resuming changed the weights");

    // A shard that was torn off, and one whose names are those of another.
    let torn = folder.path().join("torn");
    std::fs::create_dir(&torn).expect("a folder");
    for (name, bytes) in [("0.tar", &second[..]), ("1.tar", &second[..second.len() - 5000])] {
        std::fs::write(torn.join(name), bytes).expect("a shard");
    }
    run("torn", &["--epochs", "1"], "of-torn");
    let skipped = std::fs::read_to_string(folder.path().join("of-torn/skipped.jsonl")).expect("a list");
    assert!(skipped.contains("coffee.jpg\",\"why\":\"another image has the same name"), "{skipped}");
    assert!(
        skipped.contains("torn/1.tar") && skipped.contains("the rest of the shard cannot be read"),
        "{skipped}"
    );
}

#[test]
fn a_run_that_is_refused_leaves_no_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command = ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "captions.csv"];
    for (flag, value, words) in
        [("--negatives", "given", "neg_caption"), ("--precision", "tf32", "--device cuda")]
    {
        let run = [&command[..], &["--batch-size", "8", flag, value, "--out", "none"]].concat();
        let (code, said) = trainer_err(folder.path(), &run);
        assert!(code == Some(1) && said.contains(words), "{said}");
        assert!(!folder.path().join("none").exists());
    }
}

#[test]
fn negatives_can_come_with_the_data() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    // One list for the cat, one that holds only what is true, an empty one.
    let table = "\ttitle\tfilepath\tneg_caption\tneg_image\n\
        0\ta brown cat\tphotos/cat-0.jpg\t['a brown sofa', \"a cat's sofa\", 'a brown cat']\t[]\n\
        1\ta white cup\tphotos/coffee-0.jpg\t['a white cup']\t[]\n\
        2\ta rocket\tphotos/rocket-0.jpg\t[]\t[]\n\
        3\ta smile\tphotos/astronaut-0.jpg\t['a frown']\t[]\n";
    std::fs::write(folder.path().join("train.tsv"), table).expect("a table");
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "4", "--epochs", "1"];
    let given = |data, out| [&command[..], &["--data", data, "--negatives", "given", "--out", out]].concat();
    trainer_ok(folder.path(), &given("train.tsv", "run"));
    let last = metrics(&folder.path().join("run")).pop().expect("a line");
    assert_eq!(last["with_negatives"], 0.5);
    let kinds: Vec<&String> = last["hard_negative_accuracy"].as_object().expect("shares").keys().collect();
    assert_eq!(kinds, ["given"]);
    let (code, said) = trainer_err(folder.path(), &given("captions.csv", "none"));
    assert!(code == Some(1) && said.contains("needs a table with a column `neg_caption`"), "{said}");
}

#[test]
fn copies_under_other_names_are_recognized_by_their_looks() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "8", "--epochs", "1"];
    trainer_ok(folder.path(), &[&command[..], &["--data", "captions.csv", "--out", "run"]].concat());
    let bytes = std::fs::read(root().join("assets/samples/cat.jpg")).expect("a sample");
    let cat = shared::decode::decode(&bytes).expect("an image").image;
    let cat = RgbImage::from_raw(cat.width(), cat.height(), cat.rgb().to_vec()).expect("pixels");
    let cat = DynamicImage::from(cat);
    let test = folder.path().join("test");
    std::fs::create_dir(&test).expect("a folder");
    cat.thumbnail(200, 200).save(test.join("mine.png")).expect("a copy");
    cat.fliph().save(test.join("mirrored.png")).expect("another image");
    std::fs::write(
        test.join("captions.csv"),
        "image,caption\nmine.png,a brown cat\nmirrored.png,a brown cat\n",
    )
    .expect("a table");
    let evaluate = [
        "evaluate",
        "--bundle",
        "run.safetensors",
        "--benchmark",
        "negatives",
        "--data",
        "test",
        "--device",
        "cpu",
    ];
    export(folder.path(), "run", "f32");
    trainer_ok(folder.path(), &evaluate);
    trainer_ok(folder.path(), &["export", "--run", "run", "--out", "run.safetensors", "--perceptual-hashes"]);
    let (code, said) = trainer_err(folder.path(), &evaluate);
    assert!(
        code == Some(1) && said.contains("1 of the 2 images of this benchmark, such as mine.png"),
        "{said}"
    );
}

#[test]
fn an_experiment_that_would_be_scored_on_what_it_trains_on_does_not_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let text = "seeds = [0]\n[train]\npreset = \"tiny\"\ndata = \"captions.csv\"\nbatch-size = 8\nepochs = 1\n\
        [[arm]]\nname = \"plain\"\nnegatives = \"none\"\n\
        [[benchmark]]\nbenchmark = \"negatives\"\nbalanced = \"off\"\ndata = \".\"\nsplit = \"train\"\n";
    std::fs::write(folder.path().join("leaky.toml"), text).expect("a file");
    let command = ["experiment", "leaky.toml", "--out", "runs", "--device", "cpu"];
    let (code, said) = trainer_err(folder.path(), &command);
    assert!(code == Some(1) && said.contains("an arm was trained on 13 of the 13"), "{said}");
    assert!(!folder.path().join("runs").exists(), "nothing was trained");
    std::fs::write(folder.path().join("leaky.toml"), format!("{text}allow-leakage = true\n"))
        .expect("a file");
    trainer_ok(folder.path(), &command);
}

#[test]
fn files_are_read_as_people_have_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = |name: &str, to: &str| {
        let to = folder.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(root().join(format!("assets/samples/{name}.jpg")), to).expect("a sample");
    };
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    // What macOS and notebooks leave behind, and the endings of cameras.
    for (nth, name) in ["cat", "coffee"].into_iter().enumerate() {
        sample(name, &format!("beside/DSC_000{nth}.JPG"));
        write(&format!("beside/DSC_000{nth}.TXT"), "a brown cat");
        write(&format!("beside/._DSC_000{nth}.TXT"), "Mac OS X");
    }
    sample("cat", "beside/.ipynb_checkpoints/DSC_0000-checkpoint.jpg");
    write("beside/__MACOSX/._captions.csv", "Mac OS X");
    // Hugging Face's image folder, BLIP's list, and captions of two splits.
    for set in ["hugging-face", "blip", "splits"] {
        sample("cat", &format!("{set}/train/cat.jpg"));
        sample("coffee", &format!("{set}/train/coffee.jfif"));
    }
    write(
        "hugging-face/metadata.jsonl",
        "{\"file_name\": \"train/cat.jpg\", \"text\": \"a brown cat\"}\n\
         {\"file_name\": \"train/coffee.jfif\", \"text\": \"a white cup\", \"score\": NaN}\n",
    );
    write(
        "blip/coco_karpathy_train.json",
        "[{\"image\": \"train/cat.jpg\", \"caption\": \"a brown cat\", \"image_id\": \"1\"},\n\
         {\"image\": \"train/coffee.jfif\", \"caption\": \"a white cup\", \"image_id\": \"2\"}]",
    );
    write(
        "splits/captions.csv",
        "Image;Split;Caption\r\ncat.jpg;train;a cat\r\ncoffee.jfif;restval;a cup\r\n",
    );
    let trained = |data: &str, more: &[&str]| {
        let out = format!("{data}-run");
        let command = ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "2"];
        let command = [&command[..], &["--epochs", "1", "--data", data, "--out", &out], more].concat();
        let output = trainer(folder.path(), &command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{data}: {said}");
        let images = std::fs::read_to_string(folder.path().join(out).join("images.txt")).expect("the images");
        (images.lines().count(), said)
    };
    assert_eq!(trained("beside", &[]).0, 2);
    assert_eq!(trained("hugging-face", &[]).0, 2);
    assert_eq!(trained("blip", &[]).0, 2);
    assert_eq!(trained("splits", &["--split", "train,restval"]).0, 2);
    // What the model does not read teaches nothing, which is said.
    let long = "a brown cat on a sofa ".repeat(12);
    write("long/captions.csv", &format!("image,caption\na.jpg,{long}\nb.jpg,a cup\n"));
    sample("cat", "long/a.jpg");
    sample("coffee", "long/b.jpg");
    let said = trained("long", &[]).1;
    assert!(said.contains("1 of 2 captions are longer than the 16 tokens"), "{said}");
}

#[test]
fn an_image_is_what_its_path_says() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, to) in [("cat", "cats/1.jpg"), ("coffee", "cups/1.jpg")] {
        std::fs::create_dir_all(folder.path().join(to).parent().expect("a folder")).expect("a folder");
        std::fs::copy(root().join(format!("assets/samples/{name}.jpg")), folder.path().join(to))
            .expect("a sample");
    }
    let table =
        "image,caption\ncats/1.jpg,a brown cat\ncups/1.jpg,a white cup\nbirds/1.jpg,a bird\n1.jpg,a dog\n";
    std::fs::write(folder.path().join("captions.csv"), table).expect("a table");
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch-size", "2", "--data"];
    trainer_ok(folder.path(), &[&command[..], &["captions.csv", "--epochs", "1", "--out", "run"]].concat());
    let skipped =
        std::fs::read_to_string(folder.path().join("run/skipped.jsonl")).expect("what was left out");
    let skipped: Vec<Value> = skipped.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let why = |image: &str| {
        let found = skipped.iter().find(|one| one["image"] == image).expect(image);
        found["why"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(why("birds/1.jpg"), "the image is not there");
    assert!(why("1.jpg").contains("several images have this name"));
    // Captions of images in different folders do not keep each other's words out.
    let command =
        ["negatives", "--captions", "captions.csv", "--concepts", "object", "--per-caption", "1000"];
    let printed = trainer_ok(folder.path(), &command);
    let first: Value = serde_json::from_str(printed.lines().next().expect("a line")).expect("JSON");
    let negatives = first["negatives"].as_array().expect("a list");
    assert!(negatives.iter().any(|negative| negative["to"] == "bird"), "{negatives:?}");
}
