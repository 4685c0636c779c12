lstm = nn.LSTM(input_size=64, hidden_size=128, batch_first=True, bidirectional=True)
x = torch.rand(16, 10, 64)
output, (h, c) = lstm(x)
print(output.shape)
