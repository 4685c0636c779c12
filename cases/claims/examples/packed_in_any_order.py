sequences = [torch.ones(1), torch.ones(3), torch.ones(2)]
packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
print(packed.batch_sizes.tolist())
print(packed.sorted_indices)
