import numpy as np
import tensorflow as tf

from keras_gan import latents, random
from tests.test_case import TestCase


def modes(function):
    """The same function run eagerly, as a graph and compiled by XLA."""
    return function, tf.function(function), tf.function(function, jit_compile=True)


class RandomTest(TestCase):
    def test_uniform_numbers(self):
        u = random.uniform((100_000,), (3, 4)).numpy()
        self.assertAllInRange(u, 0.0, 1.0 - 2.0**-24)
        # Four standard errors of the mean (12^-1/2) and of the second moment ((1/5 - 1/9)^1/2).
        self.assertAllClose(np.mean(u), 1 / 2, atol=4 * 0.2887 / 100_000**0.5)
        self.assertAllClose(np.mean(u**2), 1 / 3, atol=4 * 0.2981 / 100_000**0.5)

    def test_one_seed_gives_the_same_numbers_however_it_is_run(self):
        for prior in latents.PRIORS:
            eager, graph, xla = (
                f().numpy() for f in modes(lambda prior=prior: latents.stateless((50,), (3, 4), prior))
            )
            self.assertAllEqual(eager, graph)
            self.assertAllClose(eager, xla, rtol=1e-5, atol=1e-6)
            eager, xla = (f([1, -2]).numpy() for f in modes(lambda s, p=prior: latents.from_seeds(s, 9, p))[::2])
            self.assertAllClose(eager, xla, rtol=1e-5, atol=1e-6)

    def test_noise_is_a_function_of_seed_step_and_order(self):
        def draws(seed, step):
            noise = random.Noise(seed, tf.constant(step, tf.int64))
            return [latents.from_noise(noise, 2, 3).numpy() for _ in range(2)]

        self.assertAllEqual(draws(0, 5), draws(0, 5))
        different = [*draws(0, 5), *draws(0, 6), *draws(1, 5)]
        self.assertLen({array.tobytes() for array in different}, 6)
