import warnings


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


masked = keras.layers.Masking()(np.ones((4, 7, 5), "float32"))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    doubled = Doubled()(masked)
print("warned:", any("mask" in str(warning.message) for warning in caught))
print(tuple(doubled.shape))
