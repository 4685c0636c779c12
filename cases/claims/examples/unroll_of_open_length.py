layer = keras.layers.LSTM(3, unroll=True)
layer.build((None, None, 5))
open_length = tf.TensorSpec((4, None, 5), tf.float32)
tf.function(lambda x: layer(x)).get_concrete_function(open_length)
