cell = keras.layers.LSTMCell(4)
print(len(cell.state_size))
