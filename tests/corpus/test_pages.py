"""The pages of documentation on which cases rest."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from lstm_ref.corpus import load, load_parameters
from lstm_ref.corpus.case import Case
from lstm_ref.corpus.pages import pages

TABLES = load_parameters()
KERAS = "https://keras.io/api/layers/"
LSTM = {"keras.layers.LSTM": f"{KERAS}recurrent_layers/lstm/"}


def a_case(source: str) -> Case:
    case = next(case for case in load().cases if case.dialect == "keras" and case.layer == "LSTM")
    return replace(case, source=source, claim=None)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("keras.layers.LSTM, argument units", ["keras.layers.LSTM"]),
        ("keras.layers.LSTMCell, argument units", ["keras.layers.LSTMCell"]),
        ("tf.keras.layers.LSTM, argument units", ["tf.keras.layers.LSTM"]),
        ("autokeras.layers.RNN, which has keras.layers.LSTM", ["keras.layers.LSTM"]),
        ("keras.layers.RNNs; keras.layers.LSTM", ["keras.layers.LSTM"]),
        ("keras.Model, method fit; keras.layers.LSTM", ["keras.Model", "keras.layers.LSTM"]),
        ("keras.activations.get", ["keras.activations"]),
        ('guide "Working with RNNs", section "RNN state reuse"', ['guide "Working with RNNs"']),
        ("torch.nn.utils.rnn.pack_padded_sequence", ["torch.nn.utils.rnn.pack_padded_sequence"]),
        ("torch.nn.LSTM; keras.layers.LSTM", ["torch.nn.LSTM", "keras.layers.LSTM"]),
    ],
)
def test_a_source_names_its_pages_and_no_page_with_a_like_name(source: str, names: list[str]) -> None:
    assert list(pages(a_case(source), TABLES)) == names


def test_an_address_in_a_source_is_a_page() -> None:
    source = "a bug report (https://example.org/issues/7), comment 3"
    assert pages(a_case(source), TABLES) == {"https://example.org/issues/7": "https://example.org/issues/7"}


def test_a_source_without_a_name_rests_on_the_page_of_the_layer() -> None:
    assert pages(a_case("somebody's own words"), TABLES) == LSTM
    bare = {name: table.model_copy(update={"pages": {}}) for name, table in TABLES.items()}
    assert pages(a_case("keras.layers.LSTM"), MappingProxyType(bare)) == {}


def test_every_case_but_those_of_articles_has_a_page_and_every_page_is_needed() -> None:
    corpus = load()
    used: set[str] = set()
    for case in corpus.cases:
        found = pages(case, corpus.parameters)
        used.update(found)
        of_an_article = case.claim is not None and case.claim.source.kind == "article"
        assert bool(found) != of_an_article, case.id
    assert used == {name for table in corpus.parameters.values() for name in table.pages}
