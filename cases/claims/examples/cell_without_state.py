cell = nn.LSTMCell(5, 3)
x, zeros = torch.rand(4, 5), torch.zeros(4, 3)
print(all(map(torch.equal, cell(x), cell(x, (zeros, zeros)))))
