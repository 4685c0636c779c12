labels = torch.tensor([[1, 4], [2, 5], [3, 0]])
print(nn.utils.rnn.pack_padded_sequence(labels, [3, 2]).data)
