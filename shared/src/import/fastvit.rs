//! FastViT's weights as timm trains them (`timm/models/fastvit.py`): each convolution of ours is made of branches and batch norms.

use super::fold::{Branch, Fold, Folded};
use super::take::{Take, Target};
use crate::model::{EXCITED, FAR, FastVitConfig, NEAR, STAGES};

/// The sizes of the towers by their names.
const SIZES: [(&str, FastVitConfig); 3] = [
    ("fastvit_mci0", FastVitConfig { depths: [2, 6, 10, 2], widths: [64, 128, 256, 512] }),
    ("fastvit_mci1", FastVitConfig { depths: [4, 12, 20, 4], widths: [64, 128, 256, 512] }),
    ("fastvit_mci2", FastVitConfig { depths: [4, 12, 24, 4], widths: [80, 160, 320, 640] }),
];

/// The tower of a name that open_clip's configs use, if Foil has it.
pub fn tower(name: &str) -> Option<FastVitConfig> {
    SIZES.into_iter().find(|(known, _)| *known == name).map(|(_, config)| config)
}

/// Every weight of the tower, for embeddings of `embedding` numbers.
pub fn targets(config: &FastVitConfig, embedding: usize) -> Vec<Target> {
    let [first, .., last] = config.widths;
    let mut targets = Vec::new();
    targets.extend(folded("stem.0", [first, 3, NEAR], mobile_one("stem.0", NEAR, false)));
    targets.extend(folded("stem.1", [first, 1, NEAR], mobile_one("stem.1", NEAR, false)));
    targets.extend(folded("stem.2", [first, first, 1], mobile_one("stem.2", 1, true)));
    for (nth, (&width, &depth)) in config.widths.iter().zip(&config.depths).enumerate() {
        let stage = format!("stages.{nth}");
        if nth > 0 {
            let theirs = format!("{stage}.downsample.proj");
            let look = Fold::of([
                Branch::normed(format!("{theirs}.0.large_conv"), FAR),
                Branch::normed(format!("{theirs}.0.small_conv"), NEAR),
            ]);
            targets.extend(folded(&format!("{stage}.downsample.look"), [width, 1, FAR], look));
            if EXCITED.contains(&nth) {
                targets.extend(excitation(
                    &format!("{stage}.downsample"),
                    &format!("{theirs}.0"),
                    width,
                    width / 4,
                ));
            }
            let project = mobile_one(&format!("{theirs}.1"), 1, true);
            targets.extend(folded(&format!("{stage}.downsample.project"), [width, width, 1], project));
        }
        if nth + 1 == STAGES {
            let position = Fold::of([Branch::plain(format!("{stage}.pos_emb.pos_enc"), FAR)]).plus_identity();
            targets.extend(folded(&format!("{stage}.position"), [width, 1, FAR], position));
        }
        for block in 0..depth {
            targets.extend(mixer(&format!("{stage}.blocks.{block}"), width, nth + 1 == STAGES));
        }
    }
    targets.extend(folded("end", [2 * last, 1, NEAR], mobile_one("final_conv", NEAR, false)));
    targets.extend(excitation("", "final_conv", 2 * last, 2 * last / 16));
    targets.extend(same("projection", "head.fc", &[embedding, 2 * last]));
    targets
}

/// A block's weights, of which both libraries use the same prefix.
fn mixer(block: &str, width: usize, has_attention: bool) -> Vec<Target> {
    let mut targets = Vec::new();
    let mlp_scale = if has_attention { "layer_scale_2" } else { "layer_scale" };
    if has_attention {
        let linear = format!("{block}.token_mixer.qkv.weight");
        let norm = format!("{block}.norm");
        for (part, shape) in [("weight", vec![3 * width, width]), ("bias", vec![3 * width])] {
            let take =
                Take::AfterNorm { linear: trunk(&linear), norm: trunk(&norm), is_bias: part == "bias" };
            targets.push(Target { name: ours(&format!("{block}.attention.qkv.{part}")), shape, take });
        }
        let output = Fold::of([Branch::plain(format!("{block}.token_mixer.proj"), 0)])
            .scaled_by(format!("{block}.layer_scale_1.gamma"));
        targets.extend(folded_linear(&format!("{block}.attention.output"), [width, width], output));
    } else {
        let mut branches = mobile_one(&format!("{block}.token_mixer.mixer"), NEAR, true).branches;
        branches.push(Branch::identity(format!("{block}.token_mixer.norm.identity")).negative());
        let mix =
            Fold::of(branches).scaled_by(format!("{block}.token_mixer.layer_scale.gamma")).plus_identity();
        targets.extend(folded(&format!("{block}.mix"), [width, 1, NEAR], mix));
    }
    let look = Fold::of([Branch::normed(format!("{block}.mlp.conv"), FAR)]);
    targets.extend(folded(&format!("{block}.look"), [width, 1, FAR], look));
    targets.extend(same(&format!("{block}.mlp_in"), &format!("{block}.mlp.fc1"), &[3 * width, width, 1, 1]));
    let mlp_out = Fold::of([Branch::plain(format!("{block}.mlp.fc2"), 1)])
        .scaled_by(format!("{block}.{mlp_scale}.gamma"));
    targets.extend(folded(&format!("{block}.mlp_out"), [width, 3 * width, 1], mlp_out));
    targets
}

/// What a block of MobileOne is made of (arXiv 2206.04040), with a branch that does nothing where channels and side stay.
fn mobile_one(theirs: &str, kernel: usize, stays: bool) -> Fold {
    let mut branches = vec![Branch::normed(format!("{theirs}.conv_kxk.0"), kernel)];
    if kernel > 1 {
        branches.push(Branch::normed(format!("{theirs}.conv_scale"), 1));
    }
    if stays {
        branches.push(Branch::identity(format!("{theirs}.identity")));
    }
    Fold::of(branches)
}

fn excitation(at: &str, theirs: &str, width: usize, narrow: usize) -> Vec<Target> {
    let at = if at.is_empty() { "excite".to_owned() } else { format!("{at}.excite") };
    let squeeze = same(&format!("{at}.squeeze"), &format!("{theirs}.se.fc1"), &[narrow, width, 1, 1]);
    let excite = same(&format!("{at}.excite"), &format!("{theirs}.se.fc2"), &[width, narrow, 1, 1]);
    squeeze.into_iter().chain(excite).collect()
}

/// Weight and bias that are the same numbers there.
fn same(name: &str, theirs: &str, shape: &[usize]) -> [Target; 2] {
    ["weight", "bias"].map(|part| {
        let shape = if part == "weight" { shape } else { &shape[..1] };
        Target::of(&ours(&format!("{name}.{part}")), shape, Take::Same(trunk(&format!("{theirs}.{part}"))))
    })
}

/// Weight and bias of a convolution `[output, input, side, side]`.
fn folded(name: &str, [output, input, side]: [usize; 3], fold: Fold) -> [Target; 2] {
    both(name, vec![output, input, side, side], fold)
}

/// Weight and bias of a linear layer.
fn folded_linear(name: &str, shape: [usize; 2], fold: Fold) -> [Target; 2] {
    both(name, shape.to_vec(), fold)
}

fn both(name: &str, shape: Vec<usize>, fold: Fold) -> [Target; 2] {
    let fold = fold.renamed(trunk);
    [false, true].map(|is_bias| Target {
        name: ours(&format!("{name}.{}", if is_bias { "bias" } else { "weight" })),
        shape: if is_bias { shape[..1].to_vec() } else { shape.clone() },
        take: Take::Folded(Folded { fold: fold.clone(), kernel: shape.clone(), is_bias }),
    })
}

fn ours(name: &str) -> String {
    format!("image.{name}")
}

fn trunk(name: &str) -> String {
    format!("visual.trunk.{name}")
}
