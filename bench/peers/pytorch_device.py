"""What the PyTorch peers share about devices: precision, waiting, and CUDA graphs."""
import torch


def prepare(device, threads):
    """Products in fp32, as caviar's; on the CPU with as many threads."""
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")
    if device == "cuda":
        torch.zeros(1, device=device)  # says what is missing before anything else is done


def wait(device):
    """Returns when the device has done what it was given: a clock is read only after this."""
    if device == "cuda":
        torch.cuda.synchronize()


def captured(step):
    """A function that replays `step`, captured as a CUDA graph after a warm-up on a stream of its own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
