x = torch.rand(5, 2, 3) + 1
packed = nn.utils.rnn.pack_padded_sequence(x, [4, 3])
padded, lengths = nn.utils.rnn.pad_packed_sequence(packed)
print(torch.equal(padded, x[:4]))
print(padded.shape)
