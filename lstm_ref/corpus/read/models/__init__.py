"""What may stand in a YAML file, one model for each `kind`. All schemas come from here.

The models describe the files as they are written; `reading` turns them into cases.
What depends on the parameter tables (which names a layer has) is checked in `checks`.
"""

from lstm_ref.corpus.read.models.cases import CasesFile
from lstm_ref.corpus.read.models.claims import ClaimsFile
from lstm_ref.corpus.read.models.divergences import DivergencesFile
from lstm_ref.corpus.read.models.documentation import DocumentationFile
from lstm_ref.corpus.read.models.parameters import ParametersFile

KINDS: dict[
    str,
    type[CasesFile]
    | type[ParametersFile]
    | type[DivergencesFile]
    | type[ClaimsFile]
    | type[DocumentationFile],
] = {
    "cases": CasesFile,
    "parameters": ParametersFile,
    "divergences": DivergencesFile,
    "claims": ClaimsFile,
    "documentation": DocumentationFile,
}
