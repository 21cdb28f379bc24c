"""Train a forecaster, evaluate it with the baselines, and leave everything in the run folder.

python train.py model=fusion data=parquet data.path=FILE split=file split.path=FILE seed=1
python train.py stage=personal checkpoint=GENERAL.ckpt
python train.py checkpoint=RUN/checkpoints/best.ckpt fit=false data=... split=...

The same as `vpnet train`; the code is in src/vpnet/cli/train.py.
"""

from vpnet.cli.train import main

if __name__ == "__main__":
    main()
