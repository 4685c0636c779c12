layer = keras.layers.LSTM(3)
layer.build((4, 7, 5))
wrapper = keras.layers.Bidirectional(layer)
wrapper.build((4, 7, 5))
kernel, of_the_layer = wrapper.forward_layer.get_weights()[0], layer.get_weights()[0]
print("the same weights:", np.array_equal(kernel, of_the_layer))
