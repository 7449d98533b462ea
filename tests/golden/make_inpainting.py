"""Writes inpainting/NAME/: the configs of tiny Stable Diffusion inpainting pipelines as diffusers saves them, and what diffusers
makes with them of a small picture. Weights and noise are not stored: any program can make them from a formula.

    pip install torch diffusers transformers accelerate pillow
    python3 tests/golden/make_inpainting.py
"""
import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from formulas import formula, picture

HERE = Path(__file__).parent
WIDTH, HEIGHT = 64, 48
PROMPT = "a blue car"
STEPS, GUIDANCE = 4, 3.0

# Version 1.5 has heads of one number at every width and convolutions around attention, version 2 heads of one width and linear
# layers; their text encoders differ in the activation, and they pad captions with other tokens.
VERSIONS = {
    "sd1": dict(
        unet=dict(attention_head_dim=2, use_linear_projection=False),
        hidden_act="quick_gelu",
        pad="<|endoftext|>",
        prediction="epsilon",
    ),
    "sd2": dict(
        unet=dict(attention_head_dim=[1, 2, 4], use_linear_projection=True),
        hidden_act="gelu",
        pad="!",
        prediction="v_prediction",
    ),
}


def fill(module):
    for name, parameter in module.named_parameters():
        parameter.data.copy_(formula(name, tuple(parameter.shape)))
    return module.eval()


def shapes(module):
    return {name: list(parameter.shape) for name, parameter in module.named_parameters()}


def sample(self, generator=None):
    """Noise from a formula in place of a generator's."""
    return self.mean + self.std * formula("noise of the masked image", tuple(self.mean.shape[1:])).unsqueeze(0)


DiagonalGaussianDistribution.sample = sample

for name, version in VERSIONS.items():
    folder = HERE / "inpainting" / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = CLIPTokenizer.from_pretrained(HERE / "clip" / "transformers", pad_token=version["pad"], model_max_length=77)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
            max_position_embeddings=77, hidden_act=version["hidden_act"], projection_dim=16,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=9, out_channels=4, layers_per_block=1, block_out_channels=(32, 64, 64), norm_num_groups=32,
        cross_attention_dim=24, down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), **version["unet"],
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 32, 64, 64), layers_per_block=1, latent_channels=4, norm_num_groups=32, scaling_factor=0.18215,
    )
    # What the published pipelines have. Other samplers are made of its config.
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, steps_offset=1,
        skip_prk_steps=True, set_alpha_to_one=False, prediction_type=version["prediction"], timestep_spacing="leading",
    )
    pipeline = StableDiffusionInpaintPipeline(
        vae=fill(vae), text_encoder=fill(text_encoder), tokenizer=tokenizer, unet=fill(unet), scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(folder)
    for weights in folder.glob("*/*.safetensors"):
        weights.unlink()

    image = picture(WIDTH, HEIGHT)
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(255, (16, 10, 47, 38))
    noise = formula("noise", (4, HEIGHT // 8, WIDTH // 8)).unsqueeze(0) * 6
    expected = {
        "shapes": {part: shapes(getattr(pipeline, part)) for part in ["unet", "vae", "text_encoder"]},
        "prompt": PROMPT,
        "steps": STEPS,
        "guidance": GUIDANCE,
    }
    with torch.no_grad():
        ids = tokenizer(PROMPT, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        expected["ids"] = ids[0].tolist()
        hidden = text_encoder(ids)[0][0]
        expected["hidden"] = hidden[[0, 1, 3, 5, 76]].flatten().tolist()
        for sampler, kind in [("ddim", DDIMScheduler), ("euler", EulerDiscreteScheduler)]:
            pipeline.scheduler = kind.from_config(scheduler.config, clip_sample=False)
            call = dict(
                prompt=PROMPT, image=image, mask_image=mask, width=WIDTH, height=HEIGHT, num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
            )
            latents = pipeline(**call, latents=noise.clone(), output_type="latent").images[0]
            pixels = pipeline(**call, latents=noise.clone(), output_type="np").images[0]
            expected[sampler] = {
                "latents": latents.flatten().tolist(),
                "pixels": pixels[::5, ::7].flatten().tolist(),
            }
    (folder / "expected.json").write_text(json.dumps(expected))
    print(name, {k: len(v) for k, v in expected["shapes"].items()}, latents.std().item(), pixels.mean(), pixels.std())
