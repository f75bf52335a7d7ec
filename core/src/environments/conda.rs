//! `conda-meta`: the records of the packages that conda, mamba or pixi installed.
