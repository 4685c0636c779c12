sequences = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
pad = nn.utils.rnn.pad_sequence
print(pad(sequences, batch_first=True, padding_side="left", padding_value=-1.0).tolist())
print(pad(sequences, batch_first=True).tolist())
