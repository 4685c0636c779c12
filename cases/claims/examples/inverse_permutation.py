print(nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1])))
print(nn.utils.rnn.invert_permutation(None))
