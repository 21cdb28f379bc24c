import torch


def test_the_tensor_lies_beside_the_maps(run, map_file):
    printed = run("export", map_file)
    path = map_file.with_name("simulated_01_saliency.pt")
    assert f"4 maps of 224 x 448: {path}" in printed
    assert torch.load(path, weights_only=True).dtype == torch.float32


def test_name_and_type_can_be_chosen(run, map_file, tmp_path):
    run("export", map_file, tmp_path / "out" / "maps.pt", "--half")
    maps = torch.load(tmp_path / "out" / "maps.pt", weights_only=True)
    assert maps.shape == (4, 224, 448)
    assert maps.dtype == torch.float16
