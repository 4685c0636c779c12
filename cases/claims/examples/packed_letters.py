letters = {ord(letter): letter for letter in "abcx"}
sequences = [torch.tensor([ord(letter) for letter in word]) for word in ("abc", "x")]
packed = nn.utils.rnn.pack_sequence(sequences)
print("".join(letters[int(number)] for number in packed.data))
print(packed.batch_sizes.tolist())
print(packed.batch_sizes.dtype, packed.batch_sizes.device)
