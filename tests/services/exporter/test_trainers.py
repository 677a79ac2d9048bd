"""What trainers make of an export: `datasets` opens it, TRL prepares its SFT, DPO and KTO rows.

TRL and torch are no dependencies of rooflog: where they are missing, their test is skipped. It was last run by hand
with trl 1.16.0, transformers 5.24.0, torch 2.13.0 (CPU) and datasets 5.2.0.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

_PREPARE = """
import sys
import torch
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
try:
    from trl import KTOConfig, KTOTrainer
except ImportError:
    from trl.experimental.kto import KTOConfig, KTOTrainer

home, out = sys.argv[1:]
vocabulary = {chr(n): n for n in range(32, 127)} | {"<pad>": 0, "<eos>": 1, "<unk>": 2}
words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
tokenizer.chat_template = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
small = LlamaConfig(vocab_size=128, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
LlamaForCausalLM(small).save_pretrained(out + "/model")
tokenizer.save_pretrained(out + "/model")
common = dict(output_dir=out, max_steps=1, per_device_train_batch_size=2, report_to=[], use_cpu=True, bf16=False)
for name, trainer, config in (
    ("messages", SFTTrainer, SFTConfig), ("dpo", DPOTrainer, DPOConfig), ("kto", KTOTrainer, KTOConfig)
):
    rows = load_dataset(home, name, split="train", cache_dir=out)
    made = trainer(model=out + "/model", args=config(**common), train_dataset=rows, processing_class=tokenizer)
    prepared = made.train_dataset
    print(name, len(rows), len(prepared), sorted(prepared.column_names))
    assert len(prepared) == len(rows)
    made.train()
"""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The export of the sample day."""
    answer: dict[str, Any] = Cli(tmp_path_factory.mktemp("data")).json("demo")
    return answer


def python(script: str, *args: str, python: str = sys.executable) -> str:
    done = subprocess.run([python, "-c", script, *args], env=os.environ | OFFLINE, capture_output=True, text=True,
                          timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    return done.stdout


def test_trl_prepares_and_trains_on_sft_dpo_and_kto(export: dict[str, Any], tmp_path: Path) -> None:
    trl = os.environ.get("ROOFLOG_TEST_TRL_PYTHON") or (sys.executable if importlib.util.find_spec("trl") else None)
    if trl is None:
        pytest.skip("trl is not installed; ROOFLOG_TEST_TRL_PYTHON names a Python that has it")
    told = python(_PREPARE, export["export_path"], str(tmp_path), python=trl)
    assert [line.split()[0] for line in told.splitlines() if line.split()[:1] in (["messages"], ["dpo"], ["kto"])] == [
        "messages", "dpo", "kto",
    ]  # fmt: skip
