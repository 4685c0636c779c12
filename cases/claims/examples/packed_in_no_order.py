nn.utils.rnn.pack_sequence([torch.ones(1), torch.ones(3)])
