"""A trainer on Modal that uses what rooflog exports: `modal deploy examples/train_on_modal.py`.

It has the names that rooflog asks for by default: app `roofing-training`, function `fine_tune_roofing_model`, volume
`roofing-training-data` at `/data`. `rooflog train` starts it; rooflog shows what it returns.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import modal

DATA = Path("/data")
ROOT_FILE = "training_conversations.jsonl"
MODELS = Path("/models")

app = modal.App("roofing-training")
data = modal.Volume.from_name("roofing-training-data")
models = modal.Volume.from_name("roofing-models", create_if_missing=True)
image = modal.Image.debian_slim(python_version="3.11").pip_install("datasets==5.2.0", "peft==0.21.2", "trl==1.16.0")


def load(root: Path) -> tuple[Any, str]:
    """The training set as a `datasets.Dataset` of prompt, response and system, and the digest of its export.

    Raises ValueError where the root file is not the one that `latest.json` names: somebody changed it, or an export is
    being written right now; the next training will find it whole.
    """
    from datasets import Dataset

    content = (root / ROOT_FILE).read_bytes()
    latest = json.loads((root / "latest.json").read_bytes())
    if hashlib.sha256(content).hexdigest() != latest["root_sha256"]:
        raise ValueError(f"{ROOT_FILE} is not the file of export {latest['digest'][:12]} that latest.json names")
    return Dataset.from_list([json.loads(line) for line in content.splitlines()]), latest["digest"]


def conversation(row: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """A row as TRL's conversational prompt and completion, so that only the answer counts for the loss."""
    return {
        "prompt": [{"role": "system", "content": row["system"]}, {"role": "user", "content": row["prompt"]}],
        "completion": [{"role": "assistant", "content": row["response"]}],
    }


@app.function(image=image, gpu="A10G", timeout=6 * 3600, volumes={str(DATA): data, str(MODELS): models})
def fine_tune_roofing_model(
    base_model: str = "Qwen/Qwen2.5-1.5B-Instruct", epochs: int = 3, batch_size: int = 4
) -> dict[str, Any]:
    """Fine-tune a model on the current export and keep the adapter under the export's digest."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    data.reload()  # a container that is still warm would otherwise see the export of its last training
    rows, digest = load(DATA)
    home = MODELS / digest[:12]
    trainer = SFTTrainer(
        model=base_model,
        train_dataset=rows.map(conversation, remove_columns=rows.column_names),
        peft_config=LoraConfig(task_type="CAUSAL_LM"),
        args=SFTConfig(output_dir=str(home), num_train_epochs=epochs, per_device_train_batch_size=batch_size),
    )
    loss = trainer.train().training_loss
    trainer.save_model(str(home))
    models.commit()
    # Plain values: whoever follows the call needs none of this image's packages to read them.
    return {"export_digest": digest, "rows": len(rows), "loss": float(loss), "adapter": str(home)}
