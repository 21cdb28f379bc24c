"""Made-up viewers and videos with known truth, written in the headset's own format.

Everything here is simulated and says so: user ids begin with ``S``, video ids with ``simulated``,
the source of every recording begins with ``simulated``, and a written study carries
``SIMULATED.txt``. Simulated eyes tell more than real ones: the horizontal eye-in-head offset
correlates about 0.8 with the head's yaw change over the next 0.2 s, where one real data set (Xu et
al., CVPR 2018) has about 0.4.
"""
