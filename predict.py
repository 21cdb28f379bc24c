"""Predict where the head will point, or turn videos into saliency maps.

python predict.py checkpoint=RUN/checkpoints/best.ckpt recording=FOLDER_OR_PARQUET output=FILE.csv
python predict.py predict=saliency videos='DIR/*.mp4' output=DIR saliency.checkpoint=FILE

The same as `vpnet predict`; the code is in src/vpnet/cli/predict.py.
"""

from vpnet.cli.predict import main

if __name__ == "__main__":
    main()
