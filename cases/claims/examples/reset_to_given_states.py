layer = keras.layers.LSTM(3, stateful=True)
_ = layer(np.ones((4, 7, 5), "float32"))
layer.reset_state(states=[np.ones((4, 3)), np.ones((4, 3))])
