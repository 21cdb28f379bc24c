"""How well a saliency map says where people look: the measures that papers report.

Definitions: Bylinskii, Judd, Oliva, Torralba, Durand, "What do different evaluation metrics tell us
about saliency models?", IEEE TPAMI 2019, doi 10.1109/TPAMI.2018.2815601. They were made for flat
pictures; here every pixel has a weight, which is its solid angle where the sphere shall count.
"""
