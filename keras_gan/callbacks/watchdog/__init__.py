"""The watchdog: what is wrong with a GAN in training, said while it can still be mended."""

from keras_gan.callbacks.watchdog.callback import Collapse, Watchdog, check_answer, classes_of, diagnose, write_summary

__all__ = ["Collapse", "Watchdog", "check_answer", "classes_of", "diagnose", "write_summary"]
