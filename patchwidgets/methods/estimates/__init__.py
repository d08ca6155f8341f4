"""Effects estimated by gradients: a preview of exact ones, of all sites or edges at once for a few passes.

Measured with ``python -m benchmarks.estimates`` on SmolLM2 and the prompts of the names task (logit difference, one
pair) against exact effects: Spearman's rank correlation, how many of the 10 largest are found, and wrong signs of
effects above the noise floor.

| | denoise | | | noise | | |
|---|---:|---:|---:|---:|---:|---:|
| heads (270): AtP | 0.945 | 10 | 4.1 % | 0.951 | 9 | 2.3 % |
| IG in 5 steps | 0.670 | 8 | 25.6 % | 0.593 | 10 | 26.3 % |
| MLPs by position (146): AtP | 0.902 | 9 | 5.6 % | 0.879 | 8 | 5.0 % |
| IG in 5 steps | 0.728 | 7 | 12.5 % | 0.563 | 6 | 27.9 % |
| residual stream by position (150): AtP | 0.963 | 2 | 2.1 % | 0.948 | 0 | 4.1 % |
| IG in 5 steps | 0.884 | 0 | 13.1 % | 0.833 | 0 | 20.7 % |
| edges (70,651): EAP | 0.985 | 9 | 0.7 % | 0.984 | 7 | 0.7 % |
| EAP-IG in 5 steps | 0.607 | 9 | 20.1 % | 0.575 | 8 | 21.2 % |
| EAP-IG in 20 steps | 0.493 | 8 | 25.9 % | 0.479 | 7 | 26.0 % |

So the gradient in the host run alone orders effects well, except where a patch is large, as of a whole stream. The mean
of gradients on the way to the source does worse: there every other component has moved as well, while an exact effect
moves one. EAP-IG was made to choose circuits, in which many edges change together (Hanna et al. 2024).
"""
