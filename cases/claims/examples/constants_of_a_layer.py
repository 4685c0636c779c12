print("a section on constants:", "Note on passing external constants:" in keras.layers.RNN.__doc__)
layer = keras.layers.RNN(keras.layers.LSTMCell(3))
layer(np.ones((4, 7, 5), "float32"), constants=np.ones((4, 3), "float32"))
