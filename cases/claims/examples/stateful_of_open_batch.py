inputs = keras.Input((7, 5))
keras.Model(inputs, keras.layers.LSTM(3, stateful=True)(inputs))
