"""What the judge and a subject say to each other, and what an adapter needs to take
part.

`README.md` beside this file is the page for whoever writes a subject or an adapter.
This package needs NumPy and nothing else of lstm-ref.
"""

from lstm_ref.protocol.adapter import Host, Implementation
from lstm_ref.protocol.trace import Request, Tensor

__all__ = ["Host", "Implementation", "Request", "Tensor"]
