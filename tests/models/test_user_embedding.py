import pytest
import torch

from vpnet.models.user_embedding import AnsweredProfile, UserEmbedding


def test_each_user_has_a_row_and_the_unknown_one_is_first():
    embedding = UserEmbedding(users=3, width=5).eval()
    vectors = embedding(torch.tensor([0, 3, 1, 0]))
    assert torch.equal(vectors, embedding.embedding.weight[[0, 3, 1, 0]])
    assert torch.equal(vectors[0], vectors[3])
    with pytest.raises(IndexError):
        embedding(torch.tensor([4]))


def test_forgotten_users_are_the_unknown_one():
    embedding = UserEmbedding(users=3, width=5).eval()
    unknown = embedding.embedding.weight[0].clone()
    embedding.forget()
    assert torch.equal(embedding(torch.arange(4)), unknown.expand(4, 5))
    assert embedding.embedding.weight.requires_grad


def test_a_share_of_the_training_windows_is_shown_as_unknown():
    torch.manual_seed(0)
    embedding = UserEmbedding(users=3, width=5, unknown_share=0.25).train()
    vectors = embedding(torch.full((4000,), 2))
    unknown = (vectors == embedding.embedding.weight[0]).all(dim=1)
    known = (vectors == embedding.embedding.weight[2]).all(dim=1)
    assert (unknown | known).all()
    assert unknown.float().mean() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(
        embedding.eval()(torch.full((9,), 2)), embedding.embedding.weight[2].expand(9, -1)
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Row 0, the unknown user, may lie anywhere.
        ([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [0.0, 3.0]], 0.0),
        ([[9.0, 9.0], [0.0, 0.0], [1.0, 0.0], [0.0, 5.0]], 0.0),
        ([[9.0, 9.0], [0.0, 0.0], [0.6, 0.0], [0.0, 5.0]], 0.4**2 / 3),
        ([[9.0, 9.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]], 1.0),
    ],
)
def test_crowding_is_the_hinge_on_the_distance_of_known_users(rows, expected):
    embedding = UserEmbedding(users=3, width=2)
    with torch.no_grad():
        embedding.embedding.weight.copy_(torch.tensor(rows))
    assert embedding.crowding(margin=1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("users", [0, 1])
def test_fewer_than_two_users_do_not_crowd(users):
    assert UserEmbedding(users, width=4).crowding(margin=100.0).item() == 0


def test_crowding_drives_users_apart_up_to_the_margin_and_no_further():
    torch.manual_seed(0)
    embedding = UserEmbedding(users=6, width=4)
    optimizer = torch.optim.SGD(embedding.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        embedding.crowding(margin=1.0).backward()
        optimizer.step()
    apart = torch.nn.functional.pdist(embedding.embedding.weight[1:])
    assert apart.min() > 0.95
    assert apart.max() < 3


@pytest.mark.parametrize("with_user", [True, False])
def test_a_missing_answer_differs_from_the_lowest_one(with_user):
    torch.manual_seed(0)
    profile = AnsweredProfile(answers=2, width=4, with_user=with_user)
    user = torch.randn(1, 4) if with_user else None
    lowest = torch.zeros(1, 2)
    given, silent = torch.tensor([[True, True]]), torch.tensor([[True, False]])
    vector = profile(user, lowest, given)
    assert vector.shape == (1, 4)
    assert (vector != profile(user, lowest, silent)).any()
    assert (vector != profile(user, lowest + 1, given)).any()


def test_what_was_not_answered_may_be_anything():
    torch.manual_seed(0)
    profile = AnsweredProfile(answers=2, width=4, with_user=False)
    silent = torch.tensor([[True, False]])
    vectors = [profile(None, torch.tensor([[0.3, x]]), silent) for x in (0.0, 0.9, torch.nan)]
    assert torch.equal(vectors[0], vectors[1])
    assert torch.equal(vectors[0], vectors[2])


def test_a_profile_keeps_users_apart_who_answered_alike():
    torch.manual_seed(0)
    profile = AnsweredProfile(answers=2, width=4, with_user=True)
    answers, valid = torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool)
    one, other = profile(torch.randn(2, 4), answers, valid)
    assert (one != other).any()
