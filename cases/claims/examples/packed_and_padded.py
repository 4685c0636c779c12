x = torch.rand(5, 2, 3)
x[4, 1] = 0
packed = nn.utils.rnn.pack_padded_sequence(x, [5, 4])
padded, lengths = nn.utils.rnn.pad_packed_sequence(packed)
print(torch.equal(padded, x))
